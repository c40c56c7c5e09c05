// A slider under each number of the page that tries thresholds. The number is what is sent; without a script it is typed.

const STEPS = 100;
const DIGITS = 2;

export function slide(form) {
  const pairs = [...form.querySelectorAll('input[data-low]')].map(field => [field, sliderOf(field, form.dataset.off)]);
  const places = () => pairs.forEach(([field, slider]) => follow(field, slider, form.dataset.off));
  places();
  document.addEventListener('synced', places);
}

function sliderOf(field, off) {
  const slider = document.createElement('input');
  const { zero, name } = field.dataset;
  slider.type = 'range';
  slider.min = zero === 'left' ? -1 : 0;
  slider.max = zero === 'right' ? STEPS + 1 : STEPS;
  slider.setAttribute('aria-label', name);
  slider.addEventListener('input', () => {
    field.value = sizeAt(Number(slider.value), field);
    mark(field, slider, off);
  });
  field.addEventListener('input', () => follow(field, slider, off));
  field.closest('.move').append(slider);
  return slider;
}

// Even steps of ratios: from 3 to 4 is as far as from 30 to 40.
function sizeAt(place, field) {
  if (place < 0 || place > STEPS) return 0;
  const low = Number(field.dataset.low), high = Number(field.dataset.high);
  const size = Number((low * (high / low) ** (place / STEPS)).toPrecision(DIGITS));
  return field.step === '1' ? Math.round(size) : size;
}

function placeOf(size, field) {
  if (size === 0) return field.dataset.zero === 'left' ? -1 : STEPS + 1;
  const low = Number(field.dataset.low), high = Number(field.dataset.high);
  return Math.round(STEPS * Math.log(Math.min(high, Math.max(low, size)) / low) / Math.log(high / low));
}

function follow(field, slider, off) {
  if (field.value !== '') slider.value = placeOf(Number(field.value), field);
  mark(field, slider, off);
}

function mark(field, slider, off) {
  const { unit, zero, now } = field.dataset;
  const isOff = zero === 'right' && Number(field.value) === 0;
  slider.setAttribute('aria-valuetext', isOff ? off : `${field.value} ${unit}`);
  field.closest('.move').classList.toggle('was', field.value !== '' && Number(field.value) !== Number(now));
}

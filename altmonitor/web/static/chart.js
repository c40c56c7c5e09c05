// The chart of one contract: candles, volume and open interest with their gaps, alerts as marks.

const MINUTE_S = 60;
const OLDEST_SAMPLE_GAP_S = 180;
const RENEW_MS = 5000;

export async function draw(place, every, ask) {
  const charts = await import(new URL(place.dataset.library, location.href));
  const offsetS = Number(place.dataset.offset);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const chart = charts.createChart(place, {
    autoSize: true,
    layout: { ...colours(), attributionLogo: false, panes: { enableResize: false } },
    timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 6, tickMarkFormatter: time => clock(time) },
    localization: { timeFormatter: time => `${new Date((time + offsetS) * 1000).toISOString().slice(0, 10)} ${clock(time)}` },
    rightPriceScale: { minimumWidth: 78 },
    handleScroll: { vertTouchDrag: false },
  });

  function clock(time) {
    return new Date((time + offsetS) * 1000).toISOString().slice(11, 16);
  }

  const style = name => getComputedStyle(document.body).getPropertyValue(name).trim();
  function colours() {
    const css = getComputedStyle(document.body);
    const of = name => css.getPropertyValue(name).trim();
    return { background: { color: of('--panel') }, textColor: of('--text') };
  }

  const up = style('--up'), down = style('--down');
  const candles = chart.addSeries(charts.CandlestickSeries, {
    upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false,
  }, 0);
  const short = value => Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 }).format(value);
  const dollars = { type: 'custom', formatter: value => `$${short(value)}`, minMove: 0.01 };
  const volume = chart.addSeries(charts.HistogramSeries, { priceFormat: dollars, priceLineVisible: false }, 1);
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.2, bottom: 0 } });
  const marks = charts.createSeriesMarkers(candles, []);
  let runs = [];
  chart.panes().forEach((pane, at) => pane.setStretchFactor([5, 1.6, 1.6][at]));

  function theme() {
    const line = style('--line');
    chart.applyOptions({
      layout: { ...colours(), panes: { separatorColor: line, enableResize: false } },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      timeScale: { borderColor: line },
      rightPriceScale: { borderColor: line },
    });
    const [rise, fall] = [style('--up'), style('--down')];
    candles.applyOptions({ upColor: rise, downColor: fall, wickUpColor: rise, wickDownColor: fall });
  }

  let shown = '';
  async function renew() {
    const of = place.dataset.of, venue = `venue=${place.dataset.venue}`;
    const [found, oi, told] = await Promise.all([
      ask(`${of}candles?limit=${place.dataset.minutes}&${venue}`).then(answer => answer.json()),
      ask(`${of}oi?${venue}`).then(answer => answer.json()).catch(() => null),
      ask(`${of}alerts?limit=50&${venue}`).then(answer => answer.json()).catch(() => null),
    ]);
    const rows = found.candles;
    precision(rows.at(-1).close);
    // Anything but the newest minute may have come late: the whole series is set again then.
    const before = JSON.stringify(rows.slice(0, -1));
    if (before === shown) {
      candles.update(bar(rows.at(-1)));
      volume.update(column(rows.at(-1)));
    } else {
      shown = before;
      candles.setData(withGaps(rows, bar));
      volume.setData(withGaps(rows, column));
    }
    openInterest(oi, found);
    if (told) marks.setMarkers(alertMarks(told.alerts, rows));
  }

  function precision(price) {
    const digits = Math.min(10, Math.max(2, 5 - Math.ceil(Math.log10(price))));
    candles.applyOptions({ priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits } });
  }

  const bar = row => ({ time: row.open_ms / 1000, open: row.open, high: row.high, low: row.low, close: row.close });
  const column = row => ({
    time: row.open_ms / 1000, value: row.volume_usdt, color: `${style(row.close < row.open ? '--down' : '--up')}99`,
  });

  // A minute that is missing keeps its place on the axis and stays empty.
  function withGaps(rows, made) {
    const items = [];
    for (const row of rows) {
      const time = row.open_ms / 1000;
      for (let hole = (items.at(-1)?.time ?? time) + MINUTE_S; hole < time; hole += MINUTE_S) items.push({ time: hole });
      items.push(made(row));
    }
    return items;
  }

  // One line for each stretch without a gap: a line of this library would run straight across.
  function openInterest(oi, found) {
    if (!oi) return;
    const price = oi.usd && oi.contracts ? oi.usd / oi.contracts : found.candles.at(-1).close;
    const first = found.candles[0].open_ms / 1000;
    const stretches = [];
    for (const sample of oi.samples) {
      const time = Math.floor(sample.time_ms / 60000) * MINUTE_S;
      if (time < first) continue;
      const last = stretches.at(-1)?.at(-1);
      const point = { time, value: sample.contracts * price };
      if (last && last.time === time) stretches.at(-1)[stretches.at(-1).length - 1] = point;
      else if (last && time - last.time <= OLDEST_SAMPLE_GAP_S) stretches.at(-1).push(point);
      else stretches.push([point]);
    }
    while (runs.length > stretches.length) chart.removeSeries(runs.pop());
    stretches.forEach((points, at) => {
      runs[at] ??= chart.addSeries(charts.LineSeries, {
        priceFormat: dollars, color: style('--link'), lineWidth: 2, priceLineVisible: false,
        lastValueVisible: at === stretches.length - 1, pointMarkersVisible: points.length === 1,
      }, 2);
      runs[at].setData(points);
    });
    chart.panes().forEach((pane, at) => pane.setStretchFactor([5, 1.6, 1.6][at] || 1));
  }

  function alertMarks(alerts, rows) {
    const times = new Set(rows.map(row => row.open_ms / 1000));
    return alerts.map(alert => ({ alert, time: Math.floor((alert.candle_ms ?? alert.event_ms) / 60000) * MINUTE_S }))
      .filter(({ time }) => times.has(time))
      .sort((one, other) => one.time - other.time)
      .map(({ alert, time }) => {
        const isDown = ['DUMP', 'DOWN'].includes(alert.direction);
        return {
          time, text: alert.kind === 'price' ? alert.direction : alert.kind.toUpperCase(),
          position: isDown ? 'belowBar' : 'aboveBar', shape: isDown ? 'arrowDown' : 'arrowUp',
          color: style(isDown ? '--down' : '--up'),
        };
      });
  }

  await renew();
  theme();
  dark.addEventListener('change', theme);
  const bars = candles.data().length;
  chart.timeScale().setVisibleLogicalRange({ from: Math.max(0, bars - place.clientWidth / 5) - 3, to: bars + 5 });
  place.dataset.drawn = '';
  every(RENEW_MS, renew);
}

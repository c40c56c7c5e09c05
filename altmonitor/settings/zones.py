"""What people type for a time zone → its name, or the nearest ones; and the zone of a name.

A name is an IANA name (`Europe/Berlin`), `UTC`, or a fixed offset as everybody writes it (`UTC+3`, `UTC-3:30`). The
chat and the environment read it by the same function.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo, available_timezones

ZONE_CHARS_MAX = 40
ZONES_SUGGESTED_MAX = 3

_DASHES = dict.fromkeys(map(ord, "−‐‑‒–—﹣－"), "-")
_OFFSET = re.compile(r"(?:utc|gmt|z)?([+-])(\d{1,2})(?::([0-5]\d)|([0-5]\d)|[.,](\d{1,2}))?", re.ASCII | re.IGNORECASE)
_FROM_MOSCOW = re.compile(r"(?:msk|мск)([+-]\d{1,2})", re.ASCII | re.IGNORECASE)
_BARE_OFFSET = re.compile(r"(?:utc|gmt)?(\d{1,2})(?::?([0-5]\d))?", re.ASCII | re.IGNORECASE)
_POSIX = re.compile(r"Etc/GMT([+-])(\d{1,2})", re.ASCII)
_WEST_MIN, _EAST_MIN = -12 * 60, 14 * 60
_QUARTER_MIN = 15
_CHINESE_NUMBERS = {name: number for number, name in enumerate("一二三四五六七八九十", start=1)} | {
    "十一": 11,
    "十二": 12,
}

_KNOWN_AS: Mapping[str, str] = MappingProxyType(
    {
        "UTC": "utc, gmt, z, zulu, всемирное, мировое, 世界时, 协调世界时, 格林威治, гринвич",
        "Asia/Shanghai": "beijing, peking, 北京, 北京时间, shanghai, 上海, shenzhen, 深圳, guangzhou, canton, "
        "广州, hangzhou, 杭州, chengdu, 成都, wuhan, 武汉, tianjin, 天津, nanjing, 南京, xian, 西安, chongqing, "
        "重庆, china, prc, 中国, пекин, шанхай, китай, шэньчжэнь, гуанчжоу",
        "Asia/Hong_Kong": "hong kong, hongkong, hk, hkt, 香港, гонконг",
        "Asia/Taipei": "taipei, taiwan, 台北, 台湾, тайбэй, тайвань",
        "Asia/Macau": "macau, macao, 澳门, макао",
        "Asia/Tokyo": "tokyo, japan, jst, osaka, 东京, 日本, 大阪, токио, япония, осака",
        "Asia/Seoul": "seoul, korea, south korea, kst, busan, 首尔, 韩国, сеул, корея",
        "Asia/Singapore": "singapore, sg, sgt, 新加坡, сингапур",
        "Asia/Kuala_Lumpur": "kuala lumpur, malaysia, 吉隆坡, 马来西亚, куала лумпур, малайзия",
        "Asia/Bangkok": "bangkok, thailand, phuket, 曼谷, 泰国, бангкок, таиланд, тайланд, пхукет",
        "Asia/Jakarta": "jakarta, 雅加达, джакарта",
        "Asia/Makassar": "bali, denpasar, 巴厘岛, бали",
        "Asia/Manila": "manila, philippines, 马尼拉, 菲律宾, манила, филиппины",
        "Asia/Ho_Chi_Minh": "ho chi minh, ho chi minh city, hcmc, saigon, hanoi, vietnam, 胡志明市, 河内, 越南, "
        "хошимин, ханой, вьетнам, сайгон",
        "Asia/Kolkata": "mumbai, bombay, delhi, new delhi, bangalore, bengaluru, kolkata, calcutta, chennai, "
        "hyderabad, pune, india, 孟买, 新德里, 德里, 印度, 班加罗尔, мумбаи, бомбей, дели, нью дели, индия, "
        "бангалор, калькутта, гоа, goa",
        "Asia/Karachi": "karachi, lahore, islamabad, pakistan, 卡拉奇, 巴基斯坦, карачи, пакистан",
        "Asia/Kathmandu": "kathmandu, nepal, 加德满都, 尼泊尔, катманду, непал",
        "Asia/Colombo": "colombo, sri lanka, 科伦坡, 斯里兰卡, коломбо, шри ланка",
        "Asia/Dhaka": "dhaka, bangladesh, 达卡, дакка, бангладеш",
        "Asia/Dubai": "dubai, abu dhabi, uae, 迪拜, 阿布扎比, 阿联酋, дубай, абу даби, оаэ",
        "Asia/Riyadh": "riyadh, saudi arabia, jeddah, 利雅得, эр рияд",
        "Asia/Tehran": "tehran, teheran, iran, 德黑兰, 伊朗, тегеран, иран",
        "Asia/Jerusalem": "jerusalem, tel aviv, israel, 特拉维夫, 耶路撒冷, 以色列, тель авив, иерусалим, израиль",
        "Asia/Tbilisi": "tbilisi, batumi, georgia, 第比利斯, тбилиси, батуми, грузия",
        "Asia/Yerevan": "yerevan, armenia, 埃里温, ереван, армения",
        "Asia/Baku": "baku, azerbaijan, 巴库, баку, азербайджан",
        "Asia/Almaty": "almaty, astana, kazakhstan, 阿拉木图, 哈萨克斯坦, алматы, алма ата, астана, казахстан, "
        "нур султан",
        "Asia/Tashkent": "tashkent, uzbekistan, 塔什干, ташкент, узбекистан",
        "Asia/Bishkek": "bishkek, kyrgyzstan, 比什凯克, бишкек, киргизия, кыргызстан",
        "Europe/Moscow": "moscow, msk, мск, 莫斯科, москва, московское, saint petersburg, st petersburg, spb, спб, "
        "圣彼得堡, санкт петербург, питер, петербург, казань, kazan, сочи, sochi, краснодар, нижний новгород, "
        "ростов, воронеж",
        "Europe/Kaliningrad": "калининград, kaliningrad",
        "Europe/Samara": "самара, samara",
        "Asia/Yekaterinburg": "yekaterinburg, ekaterinburg, екатеринбург, екб, челябинск, уфа, пермь, тюмень",
        "Asia/Omsk": "омск, omsk",
        "Asia/Novosibirsk": "новосибирск, novosibirsk, 新西伯利亚",
        "Asia/Krasnoyarsk": "красноярск, krasnoyarsk",
        "Asia/Irkutsk": "иркутск, irkutsk",
        "Asia/Yakutsk": "якутск, yakutsk",
        "Asia/Vladivostok": "владивосток, vladivostok, 海参崴, 符拉迪沃斯托克, хабаровск",
        "Asia/Kamchatka": "камчатка, kamchatka, петропавловск камчатский",
        "Europe/Kyiv": "kyiv, kiev, ukraine, 基辅, 乌克兰, киев, київ, украина, харьков, одесса",
        "Europe/Minsk": "minsk, belarus, 明斯克, 白俄罗斯, минск, беларусь, белоруссия",
        "Europe/Istanbul": "istanbul, turkey, ankara, antalya, 伊斯坦布尔, 土耳其, стамбул, турция, анталья, анкара",
        "Europe/London": "london, uk, england, britain, bst, 伦敦, 英国, лондон, англия, великобритания",
        "Europe/Dublin": "dublin, ireland, 都柏林, 爱尔兰, дублин, ирландия",
        "Europe/Paris": "paris, france, lyon, marseille, 巴黎, 法国, париж, франция",
        "Europe/Berlin": "berlin, germany, munich, frankfurt, hamburg, cologne, stuttgart, dusseldorf, 柏林, 德国, "
        "法兰克福, 慕尼黑, берлин, германия, мюнхен, франкфурт, гамбург, cest",
        "Europe/Madrid": "madrid, spain, barcelona, 马德里, 西班牙, 巴塞罗那, мадрид, испания, барселона",
        "Europe/Rome": "rome, milan, italy, 罗马, 意大利, 米兰, рим, милан, италия",
        "Europe/Zurich": "zurich, geneva, zug, switzerland, 苏黎世, 瑞士, 日内瓦, цюрих, женева, швейцария",
        "Europe/Vienna": "vienna, austria, 维也纳, 奥地利, вена, австрия",
        "Europe/Amsterdam": "amsterdam, netherlands, holland, 阿姆斯特丹, 荷兰, амстердам, нидерланды",
        "Europe/Brussels": "brussels, belgium, 布鲁塞尔, 比利时, брюссель, бельгия",
        "Europe/Warsaw": "warsaw, poland, krakow, 华沙, 波兰, варшава, польша",
        "Europe/Prague": "prague, czechia, 布拉格, 捷克, прага, чехия",
        "Europe/Belgrade": "belgrade, serbia, 贝尔格莱德, белград, сербия",
        "Europe/Lisbon": "lisbon, portugal, porto, 里斯本, 葡萄牙, лиссабон, португалия",
        "Europe/Athens": "athens, greece, 雅典, 希腊, афины, греция",
        "Asia/Nicosia": "cyprus, limassol, nicosia, 塞浦路斯, кипр, лимассол",
        "Europe/Stockholm": "stockholm, sweden, 斯德哥尔摩, 瑞典, стокгольм, швеция",
        "Europe/Helsinki": "helsinki, finland, 赫尔辛基, 芬兰, хельсинки, финляндия",
        "Europe/Riga": "riga, latvia, 里加, рига, латвия",
        "Europe/Vilnius": "vilnius, lithuania, вильнюс, литва",
        "Europe/Tallinn": "tallinn, estonia, таллин, таллинн, эстония",
        "Europe/Chisinau": "chisinau, kishinev, moldova, кишинёв, кишинев, молдова",
        "America/New_York": "new york, nyc, ny, et, edt, miami, boston, washington, washington dc, atlanta, "
        "philadelphia, 纽约, 迈阿密, 波士顿, 华盛顿, нью йорк, майами, бостон, вашингтон",
        "America/Chicago": "chicago, ct, cdt, houston, dallas, austin, 芝加哥, 休斯顿, чикаго, хьюстон, даллас",
        "America/Denver": "denver, mt, mdt, 丹佛, денвер",
        "America/Phoenix": "phoenix, arizona, финикс",
        "America/Los_Angeles": "los angeles, la, pt, pst, pdt, san francisco, sf, seattle, silicon valley, "
        "san diego, las vegas, california, 洛杉矶, 旧金山, 西雅图, 加州, лос анджелес, сан франциско, сиэтл, "
        "калифорния",
        "America/Toronto": "toronto, montreal, ottawa, 多伦多, 蒙特利尔, торонто, монреаль",
        "America/Vancouver": "vancouver, 温哥华, ванкувер",
        "America/Mexico_City": "mexico city, mexico, 墨西哥城, 墨西哥, мехико",
        "America/Bogota": "bogota, colombia, 波哥大, богота, колумбия",
        "America/Lima": "lima, peru, 利马, лима",
        "America/Caracas": "caracas, venezuela, каракас, венесуэла",
        "America/Santiago": "santiago, chile, 圣地亚哥, сантьяго, чили",
        "America/Argentina/Buenos_Aires": "buenos aires, argentina, 布宜诺斯艾利斯, 阿根廷, буэнос айрес, аргентина",
        "America/Sao_Paulo": "sao paulo, são paulo, rio, rio de janeiro, brazil, brasilia, 圣保罗, 里约热内卢, "
        "巴西, сан паулу, рио де жанейро, бразилия",
        "Africa/Lagos": "lagos, nigeria, abuja, 拉各斯, 尼日利亚, лагос, нигерия",
        "Africa/Cairo": "cairo, egypt, 开罗, 埃及, каир, египет",
        "Africa/Johannesburg": "johannesburg, cape town, south africa, 约翰内斯堡, 南非, йоханнесбург, кейптаун",
        "Africa/Nairobi": "nairobi, kenya, 内罗毕, найроби, кения",
        "Australia/Sydney": "sydney, canberra, aest, aedt, 悉尼, сидней",
        "Australia/Melbourne": "melbourne, 墨尔本, мельбурн",
        "Australia/Brisbane": "brisbane, gold coast, 布里斯班, брисбен",
        "Australia/Perth": "perth, awst, 珀斯, перт",
        "Pacific/Auckland": "auckland, wellington, new zealand, nz, 奥克兰, 新西兰, окленд, новая зеландия",
        "Pacific/Honolulu": "hawaii, honolulu, 夏威夷, 檀香山, гавайи, гонолулу",
    }
)
"""Large cities, countries with one zone, and unambiguous abbreviations, in the languages of the chat."""

_AMBIGUOUS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ist": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
        "cst": ("Asia/Shanghai", "America/Chicago"),
        "ast": ("America/Halifax", "Asia/Riyadh"),
        "usa": ("America/New_York", "America/Chicago", "America/Los_Angeles"),
        "us": ("America/New_York", "America/Chicago", "America/Los_Angeles"),
        "сша": ("America/New_York", "America/Chicago", "America/Los_Angeles"),
        "美国": ("America/New_York", "America/Chicago", "America/Los_Angeles"),
        "russia": ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk"),
        "россия": ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk"),
        "俄罗斯": ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Vladivostok"),
        "canada": ("America/Toronto", "America/Vancouver", "America/Halifax"),
        "канада": ("America/Toronto", "America/Vancouver", "America/Halifax"),
        "加拿大": ("America/Toronto", "America/Vancouver", "America/Halifax"),
        "australia": ("Australia/Sydney", "Australia/Perth", "Australia/Brisbane"),
        "австралия": ("Australia/Sydney", "Australia/Perth", "Australia/Brisbane"),
        "澳大利亚": ("Australia/Sydney", "Australia/Perth", "Australia/Brisbane"),
        "indonesia": ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"),
        "индонезия": ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"),
        "印度尼西亚": ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"),
    }
)


def find_zone(text: str) -> str | None:
    """`Europe/Berlin`, `berlin`, `New York`, `Пекин`, `北京`, `UTC+3`, `+5:30`, `UTC+5.5`, `MSK+2`; None when there is
    none of that name, and when it could be several.

    Only names from the list and offsets made of numbers are ever returned, so that nothing typed becomes a path.
    """
    word = _plain(text)
    if not word or len(text) > ZONE_CHARS_MAX:
        return None
    found = _offset_minutes(word)
    if found is not None:
        return _fixed_name(found)
    if word in _AMBIGUOUS:
        return None
    return _names().get(word)


def is_zone_name(text: str) -> bool:
    """What `find_zone` of any version has given: such a name may have been kept."""
    minutes = _offset_minutes(text.lower()) if text[:4] in ("UTC+", "UTC-") else None
    return text in _iana_names() or (minutes is not None and _fixed_name(minutes) == text)


def nearest_zones(text: str) -> tuple[str, ...]:
    """What it may mean, the likeliest first; length ≤ 3, often empty: a far-fetched name helps nobody."""
    word = _plain(text[:ZONE_CHARS_MAX])
    if word in _AMBIGUOUS:
        return _AMBIGUOUS[word]
    bare = _BARE_OFFSET.fullmatch(word)
    if bare is not None:
        minutes = int(bare[1]) * 60 + int(bare[2] or 0)
        names = (_fixed_name(sign * minutes) for sign in (1, -1))
        return tuple(dict.fromkeys(name for name in names if name is not None))
    known = _names()
    near = difflib.get_close_matches(word, known, n=4 * ZONES_SUGGESTED_MAX, cutoff=0.75)
    alike = [name for name in near if name[:1] == word[:1] or difflib.SequenceMatcher(None, name, word).ratio() > 0.85]
    return tuple(dict.fromkeys(known[name] for name in alike))[:ZONES_SUGGESTED_MAX]


@cache
def zone_of(name: str) -> tzinfo:
    """name: as `find_zone` gives it, or as an older version kept it. `str()` of the zone is how people write it.

    Raises KeyError (ZoneInfoNotFoundError) for any other.
    """
    posix = _POSIX.fullmatch(name)
    if posix is not None:  # POSIX signs: what everybody calls UTC+3 is Etc/GMT-3
        minutes: int | None = int(posix[2]) * (60 if posix[1] == "-" else -60)
    else:
        minutes = _offset_minutes(name.lower()) if name[:4] in ("UTC+", "UTC-") else None
    if minutes is None:
        return UTC if name == "UTC" else ZoneInfo(name)
    return timezone(timedelta(minutes=minutes), _fixed_name(minutes) or name) if minutes else UTC


def zone_text(name: str) -> str:
    """A zone as people write it: `UTC+3`, `UTC−3:30`, `Europe/Berlin`. What is no zone is shown as it is."""
    shown = str(zone_of(name)) if is_zone_name(name) else name
    return shown.replace("UTC-", "UTC−") if shown.startswith("UTC-") else shown


def _offset_minutes(word: str) -> int | None:
    """word: small letters. None: no offset, or none there is."""
    east = re.fullmatch(r"([东西])([一二三四五六七八九十]{1,2})区", word)
    if east is not None:
        hours = _CHINESE_NUMBERS.get(east[2])
        return None if hours is None else hours * (60 if east[1] == "东" else -60)
    moscow = _FROM_MOSCOW.fullmatch(word)
    if moscow is not None:
        return _checked(180 + 60 * int(moscow[1]))
    match = _OFFSET.fullmatch(word)
    if match is None:
        return None
    minutes = int(match[3] or match[4] or 0)
    if match[5] is not None:
        share = float(f"0.{match[5]}") * 60
        if share % _QUARTER_MIN:
            return None
        minutes = int(share)
    return _checked((int(match[2]) * 60 + minutes) * (1 if match[1] == "+" else -1))


def _checked(minutes: int) -> int | None:
    return minutes if _WEST_MIN <= minutes <= _EAST_MIN and minutes % _QUARTER_MIN == 0 else None


def _fixed_name(minutes: int) -> str | None:
    if _checked(minutes) is None:
        return None
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")


def _plain(text: str) -> str:
    """Small letters, plain digits and dashes; words divided by single spaces, none around a sign or a slash."""
    word = unicodedata.normalize("NFKC", text).translate(_DASHES).casefold()
    word = re.sub(r"[\s_]+", " ", word).strip().rstrip(".,;!?。，").removesuffix("时间").removesuffix(" time")
    word = re.sub(r"\s*([+/:])\s*|\s+(-)\s*(?=\d)", lambda found: found[1] or found[2], word)
    return re.sub(r"(?<=[^\d\s])-(?=[^\d\s])", " ", word)


@cache
def _names() -> dict[str, str]:
    """As `_plain` writes them → name; cities also without their continent where only one is called so."""
    zones = sorted(_iana_names())
    cities: dict[str, list[str]] = {}
    for zone in zones:
        if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "posix/", "right/")):
            cities.setdefault(_plain(zone.rpartition("/")[2]), []).append(zone)
    names = {city: found[0] for city, found in cities.items() if len(found) == 1}
    names |= {_plain(zone): zone for zone in zones}
    return names | dict(_known_as(frozenset(zones)))


@cache
def _iana_names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime"})


def _known_as(zones: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Of an older list of zones only those it has."""
    for zone, words in _KNOWN_AS.items():
        if zone in zones:
            yield from ((_plain(word), zone) for word in words.split(", "))

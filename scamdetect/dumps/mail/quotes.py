"""Separate what the sender of a mail wrote from what the mail quotes or forwards.

Three patterns, in the words of mail programs in about forty languages: a line such as "On Monday,
Ann wrote:", the line or block of headers above an original or forwarded message, and ``>`` at the
start of lines. In a mail that neither answers nor forwards another, by its headers and its text,
lines with ``>`` are the sender's own.

Written here because, of such lines and blocks in the tests, in thirty languages, mail-parser-reply
1.36 recognises a third and quotequail 0.5.4 a quarter; both know about a dozen languages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WROTE = (
    "wrote|writes|schrieb|geschrieben|a écrit|écrit|escribió|escribiste|va escriure|escribiu|"
    "escreveu|ha scritto|scrisse|schreef|geschreven|skrev|skrifaði|kirjoitti|"
    "napisał(?:\\(?a\\)?)?|pisze|napsal(?:\\(?a\\)?)?|napísal(?:\\(?a\\)?)?|írta|a scris|"
    "napisal(?:\\(?a\\)?)?|je napisa[ol]a?|написа|rašė|rakstīja|kirjutas|"
    "пишет|написал(?:\\(?а\\)?)?|писал(?:\\(?а\\)?)?|пише|написав|написав\\(ла\\)|написала|"
    "yazdı|şunu yazdı|έγραψε|menulis|tulis|đã viết|viết|كتب|كتبت|כתב|כתבה|מאת|نوشت|نوشته|"
    "نے لکھا|ने लिखा|লিখেছেন|লিখেছে|எழுதியது|எழுதினார்|ले लेख्नुभयो|ले लेख्यो|aliandika|ameandika|"
    "sumulat|isinulat"
)
_WROTE_UNSPACED = "เขียน|写道|寫道|写到|のメール|書きました|작성|썼습니다|សរសេរ|ရေးခဲ့သည်|ရေးသားခဲ့သည်"
_ORIGINAL = (
    "original message|original e-?mail|original appointment|forwarded message|"
    "begin forwarded message|forwarded by .{1,80}|ursprüngliche (?:nachricht|mitteilung|e-?mail)|"
    "original-nachricht|originalnachricht|weitergeleitete (?:nachricht|e-?mail)|"
    "anfang der weitergeleiteten (?:nachricht|e-?mail)|message d['’]origine|message original|"
    "message (?:transféré|transmis|réexpédié)|début du message (?:réexpédié|transféré)|"
    "mensaje original|mensaje reenviado|inicio del mensaje reenviado|mensagem original|"
    "mensagem (?:encaminhada|reencaminhada)|início da mensagem (?:encaminhada|reencaminhada)|"
    "messaggio originale|messaggio inoltrato|inizio messaggio inoltrato|"
    "oorspronkelijk bericht|origineel bericht|doorgestuurd bericht|begin doorgestuurd bericht|"
    "ursprungligt meddelande|vidarebefordrat meddelande|opprinnelig melding|"
    "videresendt (?:melding|meddelelse|besked)|oprindelig (?:meddelelse|besked)|"
    "alkuperäinen viesti|välitetty viesti|(?:wiadomość oryginalna|oryginalna wiadomość)|"
    "(?:przekazana wiadomość|wiadomość przekazana dalej|treść przekazanej wiadomości)|"
    "původní (?:zpráva|e-?mail)|přeposlaná zpráva|pôvodná správa|preposlaná správa|"
    "eredeti üzenet|továbbított (?:üzenet|levél)|mesajul? original|mesaj(?:ul)? redirecționat|"
    "оригинално съобщение|препратено съобщение|исходное сообщение|"
    "(?:пересылаемое|пересланное|перенаправленное) сообщение|начало переадресованного сообщения|"
    "(?:вихідне|оригінальне|початкове) повідомлення|переслане повідомлення|"
    "(?:özgün|orijinal) (?:ileti|mesaj)|(?:iletilen|yönlendirilmiş) (?:ileti|mesaj)|"
    "αρχικό μήνυμα|προωθημένο μήνυμα|pesan asli|pesan (?:yang )?diteruskan|mesej asal|"
    "mesej (?:yang )?dimajukan|thư gốc|tin nhắn gốc|thư (?:đã )?chuyển tiếp|"
    "ข้อความต้นฉบับ|ข้อความเดิม|ข้อความที่ส่งต่อ|الرسالة الأصلية|رسالة أصلية|"
    "رسالة (?:معاد توجيهها|محولة)|הודעה מקורית|הודעה שהועברה|پیام اصلی|پیام (?:فوروارد|هدایت)"
    "(?:‌| )?شده|اصل پیغام|फ़ॉरवर्ड किया गया संदेश|मूल संदेश|ফরওয়ার্ড করা বার্তা|মূল বার্তা|"
    "原始邮件|原邮件|转发(?:的)?邮件|转发的信息|原始郵件|原始訊息|轉寄(?:的)?郵件|轉寄訊息|"
    "元のメッセージ|転送(?:された)?メッセージ|転送メール|원본 메시지|원본 메일|전달된 메시지|"
    "전달된 메일|ujumbe asili|ujumbe uliosambazwa|orihinal na mensahe|ipinasang mensahe"
)
_FROM = (
    "from|von|de|da|van|från|fra|lähettäjä|od|feladó|от|от кого|від|kimden|gönderen|από|dari|"
    "daripada|từ|người gửi|จาก|من|מאת|از|فرستنده|প্রেরক|থেকে|प्रेषक|से|发件人|寄件者|寄件人|"
    "差出人|送信者|보낸 사람|보낸사람|发信人|kutoka kwa|mula kay|mula sa|இருந்து|அனுப்புநர்"
)
_SENT = (
    "sent|date|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviada em|enviado em|enviada|"
    "fecha|data|inviato|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|wysłano|data|"
    "odesláno|odoslané|dátum|küldve|elküldve|trimis|trimis la|dată|изпратено|дата|отправлено|"
    "надіслано|gönderildi|tarih|στάλθηκε|ημερομηνία|dikirim|tanggal|tarikh|dihantar|đã gửi|"
    "ngày|gửi|ส่ง|ส่งเมื่อ|วันที่|تاريخ الإرسال|التاريخ|أرسلت|תאריך|נשלח|تاریخ|ارسال|তারিখ|"
    "পাঠানো হয়েছে|दिनांक|तारीख|भेजा गया|发送时间|日期|时间|傳送時間|寄件日期|送信日時|日時|"
    "日付|보낸 날짜|날짜|일시|ilitumwa|tarehe|petsa|ipinadala|தேதி"
)
_SUBJECT = (
    "subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|předmět|"
    "predmet|tárgy|subiect|относно|тема|konu|θέμα|perihal|subjek|chủ đề|tiêu đề|หัวเรื่อง|"
    "เรื่อง|الموضوع|موضوع|נושא|বিষয়|विषय|主题|主旨|主題|件名|제목|mada|paksa|பொருள்"
)
_SPEAKS = re.compile(rf"(?<!\w)(?:{_WROTE})(?!\w)|{_WROTE_UNSPACED}", re.IGNORECASE)
_ADDRESS = re.compile(r"[<\[(](?:mailto:)?[^\s<>@:/]+@[^\s<>@:/]+[>\])]")
_YEAR_OR_TIME = re.compile(r"(?<!\d)(?:19|20|25)\d\d(?!\d)|(?<!\d)\d{1,2}[:.h]\d\d(?!\d)")
_COLON = re.compile(r"[:：][\s*_]*$")
_ENDS_IN_ADDRESS = re.compile(rf"{_ADDRESS.pattern}[\s*_]*+{_COLON.pattern}")
# Start of such a line whose date and time are on two lines.
_ON = re.compile(r"\s*(?:On|Am|Le|El|Il|Em|Op|Den|Dne|Dňa|W dniu|Pada|Vào|В|On:)\s.*\d")
_HEADING = re.compile(
    rf"\s*+[-_=*—]{{2,}}+\s*+(?:{_ORIGINAL})\s*+[:：]?\s*+[-_=*—]*+\s*+"
    rf"|\s*+(?:{_ORIGINAL})\s*+[:：]\s*+",
    re.IGNORECASE,
)
_LABELS = {
    role: re.compile(rf"[\s*]*+(?:{words})[\s*]*+[:：]", re.IGNORECASE)
    for role, words in (("from", _FROM), ("sent", _SENT), ("subject", _SUBJECT))
}
_MARK = re.compile(r" {0,3}[>＞](?!.*<\s*$)")  # ">>> Click here <<<" is an ornament
_MARKS = re.compile(r"^(?: {0,3}[>＞])+ ?")
_RULE = re.compile(r"\s*[-_=*—]{5,}\s*")
_ANSWERS = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*)?(?:re|aw|antw|sv|vs|res|rif|r|odp|ynt|ilt|fw|fwd|wg|tr|rv|enc|i|"
    r"pd|vb|vl|doorst|továbbítás|vá|απ|πρθ|отв|пересл|نعم|رد|تحويل|回复|回覆|答复|转发|轉寄|转寄|"
    r"返信|転送|답장|회신|전달)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 400  # characters of a line that introduces a quotation
_FOLDED = 3  # lines over which it may be folded
_HEADERS = 12  # lines within which a block of headers must be complete; there may be many receivers


@dataclass(frozen=True)
class Parted:
    """What the sender wrote and what the mail quotes; every line with text is in one of them."""

    authored: str
    quoted: str


def answers_another(subject: str) -> bool:
    """Return True if the subject is that of a reply or a forwarded mail."""
    return bool(_ANSWERS.match(subject))


def part_quotes(text: str, *, answers: bool) -> Parted:
    """Split a text; ``answers`` is True if the mail's headers say that it answers another.

    If nothing would be left of a mail that answers none, all of it is the sender's.
    """
    lines = text.split("\n")
    plain = [_DIRECTIONS.sub("", line) for line in lines]
    marked = [bool(_MARK.match(line)) for line in plain]
    if not answers and any(marked):
        bare = [_MARKS.sub("", line) for line in plain]
        none = [False] * len(lines)
        if not any(_opening(bare, none if m else marked, place) for place, m in enumerate(marked)):
            marked = none
    quoted = _quoted(plain, marked)
    authored = "\n".join(x for x, is_quoted in zip(lines, quoted, strict=True) if not is_quoted)
    if not authored.strip() and not answers:
        return Parted(text.strip(), "")
    rest = "\n".join(x for x, is_quoted in zip(lines, quoted, strict=True) if is_quoted)
    return Parted(authored.strip(), rest.strip("\n"))


def _quoted(lines: list[str], marked: list[bool]) -> list[bool]:
    """Return for each line if it is quoted, including the line that introduces a quotation."""
    quoted = list(marked)
    place = 0
    while place < len(lines):
        length = 0 if marked[place] else _opening(lines, marked, place)
        if not length:
            place += 1
            continue
        after = _next_text(lines, place + length)
        if after < len(lines) and marked[after]:  # the sender's own words may follow the marks
            quoted[place:after] = [True] * (after - place)
            place = after
        else:
            start = place
            while start and (not lines[start - 1].strip() or _RULE.fullmatch(lines[start - 1])):
                start -= 1
            quoted[start:] = [True] * (len(lines) - start)
            break
    return quoted


def _opening(lines: list[str], marked: list[bool], place: int) -> int:
    """Return how many lines here introduce a quotation, 0 if none."""
    line = lines[place]
    if not line.strip() or len(line) > _LONGEST:
        return 0
    if _HEADING.fullmatch(line) or _is_header_block(lines, place):
        return 1
    for length in range(1, _FOLDED + 1):
        if place + length > len(lines) or not lines[place + length - 1].strip():
            break
        if not _COLON.search(lines[place + length - 1]):
            continue
        whole = " ".join(lines[place : place + length])
        if len(whole) > _LONGEST:
            break
        begins = bool(_ON.match(line))
        later = lines[place + 1 : place + length]
        if not begins and any(map(_YEAR_OR_TIME.search, later)):
            break  # it begins there
        dated = bool(_YEAR_OR_TIME.search(line) or (later and begins))
        told = bool(_SPEAKS.search(whole) or _ENDS_IN_ADDRESS.search(whole))
        if dated and told:
            return length
        after = _next_text(lines, place + length)
        follows = after < len(lines) and after <= place + length + 1 and marked[after]
        if length == 1 and follows and (dated or told or _ADDRESS.search(whole)):
            return length
        break
    return 0


def _is_header_block(lines: list[str], place: int) -> bool:
    """Return True if a From line is here, followed by a date and a subject."""
    if not _LABELS["from"].match(lines[place]):
        return False
    below = [line for line in lines[place + 1 : place + 3 * _HEADERS] if line.strip()][:_HEADERS]
    return all(any(_LABELS[role].match(line) for line in below) for role in ("sent", "subject"))


def _next_text(lines: list[str], place: int) -> int:
    while place < len(lines) and not lines[place].strip():
        place += 1
    return place

"""Read what follows the sender of a WhatsApp message: a text, an attachment or a notice."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from scamdetect.dumps.chats.messages import MessageKind
from scamdetect.dumps.chats.whatsapp_dates import MARKS, unmarked

# A message that equals an unknown marker is scored, which costs one useless row; a pattern that is
# too broad would hide a message. Markers are matched as a whole, in lower case, without direction
# marks and final full stop.


# Replaces an attachment; on Android in angle brackets.
OMITTED = """
media omitted|image omitted|video omitted|audio omitted|sticker omitted|gif omitted
document omitted|contact card omitted|video note omitted|video message omitted
voice message omitted|view once message omitted|view once voice message omitted
medien ausgeschlossen|medien weggelassen|bild weggelassen|video weggelassen|audio weggelassen
sticker weggelassen|gif weggelassen|dokument weggelassen|kontaktkarte ausgelassen
videonachricht weggelassen
multimedia omitido|archivo omitido|medios omitidos|imagen omitida|video omitido|audio omitido
sticker omitido|gif omitido|documento omitido|tarjeta de contacto omitida
mídia oculta|mídia omitida|arquivo de mídia oculto|ficheiro não revelado|imagem ocultada
imagem oculta|imagem não revelada|vídeo omitido|vídeo não revelado|áudio ocultado
ficheiro de áudio não revelado|figurinha omitida|figurinha não incluída|sticker não revelado
gif não revelada|documento não revelado|cartão do contato omitido|contacto não revelado
médias omis|média omis|fichier omis|image absente|vidéo absente
audio omis|sticker omis|gif retiré
document manquant|document omis|fiche contact manquante
media omessi|media omesso|immagine omessa|video omesso
audio omesso|sticker non incluso|gif esclusa
documento omesso|scheda contatto omessa
media weggelaten|afbeelding weggelaten|video weggelaten|audio weggelaten|sticker weggelaten
gif weggelaten|document weggelaten|visitekaartje weggelaten
без медиафайлов|файл пропущен|медиа отсутствует|изображение отсутствует|видео отсутствует
аудиофайл отсутствует|стикер не добавлен|gif отсутствует|документ отсутствует
карточка контакта отсутствует
медіа пропущено|зображення відсутнє|відео відсутнє|аудіо відсутнє|наклейку не додано
pominięto multimedia|pliki pominięto|obraz pominięty|wideo pominięte|audio pominięte
pominięto naklejkę|dokument pominięty
medya dahil edilmedi|medya atlanmış|görüntü dahil edilmedi
video dahil edilmedi|ses dahil edilmedi
çıkartma dahil edilmedi|gif dahil edilmedi|belge dahil edilmedi|kişi kartı dahil edilmedi
media tidak disertakan|gambar tidak disertakan|video tidak disertakan|audio tidak disertakan
stiker tidak disertakan|gif tidak disertakan|dokumen tidak disertakan
kartu kontak tidak disertakan
media dikecualikan|media disingkirkan|imej tidak dimasukkan|video tidak dimasukkan
audio tidak dimasukkan|pelekat tidak dimasukkan|pelekat tidak disertakan|gif tidak dimasukkan
dokumen tidak dimasukkan|kad kenalan tidak dimasukkan
bỏ qua tệp phương tiện|bỏ qua media|đã bỏ qua hình ảnh|đã bỏ video
bỏ qua tệp âm thanh|đã bỏ sticker
đã bỏ qua ảnh gif|đã bỏ qua tài liệu|bỏ qua thẻ liên lạc
ไฟล์สื่อถูกลบ|สื่อถูกลบ|ไม่มีรูปภาพ|วิดีโอถูกลบ|ไม่มีไฟล์เสียง
ไม่มีสติกเกอร์|ละเว้น gif|ละเว้นเอกสาร
บัตรรายชื่อที่ละเว้น
media hazijajumuishwa|media imerukwa|walang kalakip na media
मीडिया के बिना|मीडिया वगळले|फ़ोटो हटाई गई|वीडियो छोड़ा गया
ऑडियो हटाई गयी|स्टिकर छोड़ा गया|gif छोड़ा गया
डॉक्यूमेंट छोड़ा गया|कॉन्टैक्ट कार्ड छोड़ा गया
মিডিয়া বাদ দেওয়া হয়েছে|ইমেজ বাদ দেওয়া হয়েছে|ভিডিও বাদ দেওয়া হয়েছে|অডিও বাদ দেওয়া হয়েছে
স্টিকার বাদ দেওয়া হয়েছে|জিআইএফ বাদ দেওয়া হয়েছে|ডকুমেন্ট বাদ দেওয়া হয়েছে
கோப்புகள் விடப்பட்டன|ஊடகங்கள் நீக்கப்பட்டது
میڈیا چھوڑ دیا گیا|تصویر نکال دی گئی ہے|ویڈیو نظرانداز|آڈیو نظرانداز
اسٹیکر نظرانداز|دستاویز نظرانداز
رابطہ کارڈ نظر انداز
تم استبعاد الوسائط|لم يتم إدراج الصورة|لم يتم إدراج الفيديوهات|لم يتم إدراج المقاطع الصوتية
تم حذف الملصقات|لم يتم إدراج صورة gif|لم يتم إدراج المستند|لم يتم إدراج بطاقة جهة اتصال
پيوست نما/آهنگ حذف شد|تصویر حذف شد|ویدیو حذف شد|صدا حذف شد|استیکر حذف شد|gif حذف شد|سند حذف شد
برگ مخاطب حذف شد
המדיה לא נכללה|מדיה הושמטה|התמונה הושמטה|סרטון הווידאו הושמט|קטע קול הושמט|סטיקר הושמט|gif הושמט
省略多媒体文件|省略影音内容|媒体省略|照片已忽略|视频已忽略
音频已忽略|贴图已省略|gif 动态图已被忽略|文档已省略
联系人卡片已忽略
忽略多媒體檔|省略多媒體檔案|圖片已略去|圖像已省略|影片已略去
影片已省略|音訊已略去|音訊已省略|貼圖已略去|貼圖已忽略
gif 已略去|gif 圖片已被省略|文件已略去|文件已忽略|聯絡人卡片已略去|聯絡人卡片已省略
メディアなし|メディアは含まれていません|画像は含まれていません
ビデオは含まれていません|音声は含まれていません
スタンプは含まれていません|gifは含まれていません|ドキュメントは含まれていません|連絡先カードを省略
미디어 파일 제외됨|미디어 파일을 생략한 대화내용|이미지 생략됨|비디오 생략됨
오디오 생략됨|스티커 제외됨|gif 생략됨
문서 생략됨|연락처 카드 생략됨
"""

# Follows the name of a file on Android, in round brackets.
ATTACHED = """
file attached|datei angehängt|archivo adjunto|archivo adjuntado|arquivo anexado|ficheiro anexado
fichier joint|file allegato|bestand bijgevoegd|файл добавлен
файл додано|załączony plik|dosya ekli
dosya eklendi|file terlampir|fail dilampirkan|tệp đính kèm|ไฟล์ที่แนบ|faili limeambatanishwa
nakalakip na file|फ़ाइल अटैच की गई|फाइल अटैच कर दी गई है|फाइल संलग्न
ফাইল সংযুক্ত হয়েছে|پیوستہ فائل
الملف مرفق|پیوست شد|קובץ מצורף|文件附件|附件檔案|添付ファイル有り|添付ファイル|파일 첨부됨
"""

# Replaces a message, after its sender.
NOTICES = """
this message was deleted|you deleted this message|missed voice call|missed video call
missed group voice call|missed group video call|live location shared|waiting for this message
this message was deleted by an admin
diese nachricht wurde gelöscht|du hast diese nachricht gelöscht|verpasster sprachanruf
verpasster videoanruf|live-standort wird geteilt
se eliminó este mensaje|este mensaje fue eliminado|eliminaste este mensaje|llamada perdida
llamada de voz perdida|videollamada perdida|ubicación en tiempo real compartida
esta mensagem foi apagada|esta mensagem foi eliminada|mensagem apagada|você apagou esta mensagem
apagou esta mensagem|chamada de voz perdida|chamada de vídeo perdida|videochamada perdida
localização atual compartilhada
ce message a été supprimé|vous avez supprimé ce message|appel vocal manqué|appel vidéo manqué
localisation en direct partagée
questo messaggio è stato eliminato|hai eliminato questo messaggio|chiamata vocale persa
videochiamata persa|posizione attuale condivisa
dit bericht is verwijderd|je hebt dit bericht verwijderd|u hebt dit bericht verwijderd
gemist spraakgesprek|gemiste spraakoproep|gemist videogesprek|gemiste video-oproep
данное сообщение удалено|вы удалили данное сообщение|вы удалили это сообщение
пропущенный аудиозвонок|пропущенный видеозвонок|геоданные отправлены
це повідомлення було видалено|ви видалили це повідомлення
ta wiadomość została usunięta|usunąłeś(-ęłaś) tę wiadomość
bu mesaj silindi|bu mesajı sildiniz|cevapsız sesli arama|cevapsız görüntülü arama
mevcut konum paylaşıldı
pesan ini dihapus|pesan ini telah dihapus|anda menghapus pesan ini
anda telah menghapus pesan ini
panggilan suara tak terjawab|panggilan video tak terjawab|lokasi terkini dibagikan
mesej ini telah dipadam|anda telah memadamkan mesej ini|panggilan suara terlepas
panggilan video terlepas
tin nhắn này đã bị xóa|tin nhắn này đã bị xoá|bạn đã xóa tin nhắn này|bạn đã xoá tin nhắn này
cuộc gọi nhỡ|cuộc gọi nhỡ video
ข้อความนี้ถูกลบแล้ว|ข้อความนี้ได้ถูกลบ|คุณได้ลบข้อความนี้|คุณลบข้อความนี้
สายที่ไม่ได้รับ|วิดีโอคอลที่ไม่ได้รับ
ujumbe huu ulifutwa|umefuta ujumbe huu|itong mensahe ay binura na|binura mo itong mensahe
यह मैसेज डिलीट कर दिया गया है|आपने यह मैसेज डिलीट किया|यह संदेश मिटाया गया|आपने यह संदेश मिटाया
मिस्ड वॉइस कॉल|मिस्ड वीडियो कॉल
এই মেসেজটি বাদ দেওয়া হয়েছে|এই বার্তাটি মুছে ফেলা হয়েছে|আপনি এই বার্তাটি মুছে ফেলেছেন
আপনি এই মেসেজটি বাদ দিয়েছেন
یہ میسج حذف کر دیا گیا ہے|یہ پیغام حذف کیا گیا|آپ نے یہ میسج حذف کر دیا ہے
تم حذف هذه الرسالة|لقد حذَفت هذه الرسالة|أنت حذفت هذه الرسالة
مكالمة صوتية فائتة|مكالمة فيديو فائتة
این پیام حذف شد|این پیام حذف شده است|شما این پیام را حذف کردید
הודעה זו נמחקה|מחקת הודעה זו
这条消息已被删除|信息已删除|您已删除这条消息|您删除这个信息|未接语音通话|未接视频通话
此訊息已刪除|您已刪除此訊息|未接語音通話|未接視像通話
このメッセージは削除されました|このメッセージを削除しました|音声通話不在着信
ビデオ通話不在着信|不在着信
이 메시지는 삭제되었습니다|삭제한 메시지입니다|이 메시지를 삭제했습니다
부재중 전화|부재중 영상통화
"""

# Follows a text that its sender edited, in angle brackets.
EDITED = """
this message was edited|diese nachricht wurde bearbeitet|se editó este mensaje
esta mensagem foi editada|mensagem editada|ce message a été modifié
questo messaggio è stato modificato|dit bericht is bewerkt|данное сообщение изменено
это сообщение изменено|bu mesaj düzenlendi|pesan ini diedit
"""

# Part of the notice with which an export starts.
ENCRYPTION = """
end-to-end|ende-zu-ende|bout en bout|extremo a extremo|ponta a ponta|ponto a ponto
сквозным шифрованием|наскрізним|uçtan uca|đầu cuối
ต้นทางถึงปลายทาง|hujung ke hujung|mwisho-kwa-mwisho|மறையாக்க
एंड-टू-एंड|এন্ড-টু-এন্ড|اینڈ ٹو اینڈ|مشفرة|سرتاسر
מקצה|端对端|端到端|端對端|エンドツーエンド|종단간
"""

# Precedes the link of a location.
PLACE = """
location standort ubicación localização localisation posizione locatie местоположение
місцезнаходження konum lokasi mahali lokasyon ตำแหน่งที่ตั้ง स्थान অবস্থান இருப்பிடம் مقام الموقع
موقعیت מיקום 位置 位置情報 위치
"""

# File extensions, so that a text such as "see scam.example" is not taken for a file.
EXTENSIONS = """
3gp aac amr apk avi bmp csv doc docx eml epub flac gif heic htm html ics jpeg jpg json key m4a m4v
mkv mov mp3 mp4 mpeg mpg numbers odp ods odt ogg opus pages pdf png ppt pptx psd rar rtf svg thumb
tif tiff txt vcf wav webm webp wma wmv xls xlsm xlsx xml zip 7z
"""

_TABLE = Path(__file__).with_name("whatsapp_notices.toml")

# Limits for text that a person can choose, so that no message hides as a name or a subject.
_MOST_LETTERS = 30
_MOST_WORDS = 4
# In scripts without spaces, a letter carries as much as two or three of others.
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]"
)
_LETTERS_OF_DENSE = 2.5
_PHONE_ALONE = re.compile(r"~?\s*\+?\(?\d[\d\s().\-‑]{5,24}")
# An address, including e-mail, with or without a scheme, and numbers such as accounts or codes.
_DOMAIN = r"://|www\.|@|[^\W\d_][\w-]*\.[^\W\d_]{2,}"
_ADDRESS = re.compile(_DOMAIN)
_TELLING = re.compile(rf"{_DOMAIN}|/|\d{{4,}}|[$€£¥₹₽₺₿]")
# Limits for all names of a notice, and for a file, whose name often contains a date.
_MOST_TOGETHER = 60
_MOST_WORDS_TOGETHER = 8
_QUOTES = re.compile('["“”„«»「」『』]')
_APOSTROPHE = re.compile("[’‘]")
_BLANKS = re.compile(r"\s+")
_MOST_NOTICE = 400


def key(text: str) -> str:
    """Return a key that ignores case, marks, surrounding blanks and a final full stop."""
    return unicodedata.normalize("NFC", unmarked(text)).casefold().rstrip(".。।۔ ")


def is_notice(text: str) -> bool:
    """Return True if the whole text is a known notice in any known language."""
    if "\n" in text or len(text) > _MOST_NOTICE:
        return False
    bare = _bare(text)
    fixed, templates = _notices()
    return bare in fixed or any(
        (found := template.fullmatch(bare)) is not None and _are_names(found.groups())
        for template in templates
    )


def is_short_name(text: str) -> bool:
    """Return True for a phone number, or a text too short and plain to hide a message."""
    text = text.strip()
    if _PHONE_ALONE.fullmatch(text):
        return True
    return (
        0 < _letters(text) <= _MOST_LETTERS
        and len(text.split()) <= _MOST_WORDS
        and not _TELLING.search(text)
    )


def is_short_file(name: str) -> bool:
    """Return True if a file name is too short to hide a message."""
    stem = name.rpartition(".")[0] or name
    return (
        _letters(stem) <= _MOST_TOGETHER
        and len(stem.split()) <= _MOST_WORDS_TOGETHER
        and not _ADDRESS.search(stem)
    )


def _are_names(names: Sequence[str]) -> bool:
    own = " ".join(names)  # several short ones could form a message
    return (
        all(map(is_short_name, names))
        and _letters(own) <= _MOST_TOGETHER
        and len(own.split()) <= _MOST_WORDS_TOGETHER
    )


def _letters(text: str) -> float:
    return len(text) + (_LETTERS_OF_DENSE - 1) * len(_DENSE.findall(text))


def _bare(text: str) -> str:
    text = _APOSTROPHE.sub("'", _QUOTES.sub("", key(text)))
    return _BLANKS.sub(" ", text).strip().rstrip(".")


@cache
def _notices() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Return the notices without names, and patterns for those with names."""
    by_language: dict[str, str] = tomllib.loads(_TABLE.read_text("utf-8"))
    listed = [_bare(line) for some in by_language.values() for line in some.strip().splitlines()]
    listed += [_bare(word) for line in NOTICES.split("\n") for word in line.split("|") if word]
    patterns = [
        re.compile(re.escape(line).replace(r"\{\}", "(.{1,60}?)"))
        for line in listed
        if "{}" in line
    ]
    return frozenset(line for line in listed if "{}" not in line), tuple(patterns)


_MOST_SENDER = 60
_MOST_WORDS_OF_SENDER = 8
_MOST_BRACKETED = 300

LEFT_TO_RIGHT = "\u200e"  # an iPhone puts it before WhatsApp's own words


def _table(listed: str) -> frozenset[str]:
    return frozenset(key(word) for line in listed.strip().splitlines() for word in line.split("|"))


_OMITTED = _table(OMITTED)
_ATTACHED = _table(ATTACHED)
_NOTICES = _table(NOTICES)
_EDITED = _table(EDITED)
_ENCRYPTION = _table(ENCRYPTION)
_MOST_MARKER = 200
_MOST_NAME = 400

_EXTENSION = "(?:" + "|".join(EXTENSIONS.split()) + ")"
_FILE = rf"[^\n/<>]{{1,250}}\.{_EXTENSION}"
# File names chosen by WhatsApp need no known word after them and no extension.
_OWN_FILE = r"[A-Z]{3}-\d{8}-WA\d{4,}\.\w{0,8}"
_BEHIND = re.compile(
    rf"(?P<file>{_FILE}|{_OWN_FILE})\s?\((?P<word>[^()\n]{{2,60}})\)$", re.IGNORECASE
)
_OWN_NAME = re.compile(rf"{_OWN_FILE}$")
_WITHIN = re.compile(rf"[^<>:\n\d]{{2,20}}:(?P<file>{_FILE})$", re.IGNORECASE)
_TITLE = re.compile(rf"{_FILE}(?:\s•\s[^\n]{{1,40}})?$", re.IGNORECASE)
_PLACE = re.compile(
    rf"(?:(?:{'|'.join(PLACE.split())}):?\s)?https://maps\.google\.com/\?q=[-\d.,]{{1,50}}$",
    re.IGNORECASE,
)
_PHONE = re.compile(r"\+?\(?\d[\d\s().\-‑]{5,}$")
_LINK = re.compile(r"://|www\.", re.IGNORECASE)


@dataclass(frozen=True)
class Body:
    """The content of a message; ``notice`` is written by WhatsApp."""

    kind: MessageKind
    text: str
    media: str | None = None
    notice: str | None = None


def split_sender(rest: str) -> tuple[str | None, str]:
    """Return the sender and the rest; None if WhatsApp wrote the line.

    Text that is too long for a name, or that contains a link, is not a sender: it would stay
    unscored.
    """
    name, colon, body = rest.partition(":")
    sender = unmarked(name)
    # A notice such as: Ann changed the subject to "Trip: Rome"
    quotes = sender.count('"') % 2 or any(
        sender.count(left) > sender.count(right) for left, right in ("“”", "«»", "„“", "‘’")
    )
    if not colon or not sender or quotes or _LINK.search(sender):
        return None, rest
    if len(sender) > _MOST_SENDER or len(sender.split()) > _MOST_WORDS_OF_SENDER:
        return None, rest
    # Without a space it is a time or an address in a notice.
    if body and not body[0].isspace() and body[0] != LEFT_TO_RIGHT:
        return None, rest
    return sender, body[1:] if body[:1].isspace() else body


def phone_of(sender: str) -> str | None:
    """Return the phone number if the export shows one instead of a name, as a plus and digits."""
    if not _PHONE.match(sender):
        return None
    digits = "".join(sign for sign in sender if sign.isdigit())
    return f"+{digits}" if sender.startswith("+") else digits


def begins_export(body: str, sender: str | None) -> bool:
    """Return True if the first body is the encryption notice with which exports start.

    An iPhone gives it a sender; then it can be in any language, but contains no link.
    """
    bare = key(body)
    if any(word in bare for word in _ENCRYPTION):
        return sender is None or not _LINK.search(body)
    return sender is not None and body.startswith(LEFT_TO_RIGHT) and not _LINK.search(body)


def read_unsigned(text: str) -> Body:
    """Return the body of a line without a sender: a known notice, else a text.

    A line of a message that looks like a new record looks the same as a notice of WhatsApp.
    """
    return _notice(text) if is_notice(text) else read_body(text.strip())


def _notice(text: str) -> Body:
    return Body(MessageKind.SYSTEM, "", notice=unmarked(text))


def read_body(body: str) -> Body:
    """Return the content of the body; a marker is removed only if it is complete.

    An iPhone puts a direction mark before a notice and names a sender; a person can type both.
    """
    if body.startswith(LEFT_TO_RIGHT) and is_notice(body):
        return _notice(body)
    before, angled = _angled(body)
    if angled is not None and key(angled) in _EDITED:
        return replace(_unedited(before), notice=f"<{angled}>")
    return _unedited(body)


def _unedited(body: str) -> Body:
    marker = key(body) if len(body) <= _MOST_MARKER else ""
    if marker in _NOTICES:
        return _notice(body)
    if marker in _OMITTED or (marker and _PLACE.match(unmarked(body))):
        return _media("", unmarked(body))
    return _attachment(body) or Body(MessageKind.MESSAGE, body)


def _attachment(body: str) -> Body | None:
    first, _, more = body.partition("\n")
    bare = unmarked(first) if len(first) <= _MOST_NAME else ""
    if bare.startswith("<") and bare.endswith(">") and key(bare[1:-1]) in _OMITTED:
        return _media(more, bare)
    behind = _BEHIND.match(bare)
    if behind is not None and (
        key(behind["word"]) in _ATTACHED
        or (_OWN_NAME.match(behind["file"]) and is_short_name(behind["word"]))
    ):
        return _file("" if unmarked(more) == behind["file"] else more, behind["file"])
    before, angled = _angled(body)
    within = None if angled is None else _WITHIN.match(angled)
    if within is not None:
        return _file(before, within["file"].strip())
    before, mark, last = body.rpartition(LEFT_TO_RIGHT)
    if mark and len(last) <= _MOST_MARKER and key(last) in _OMITTED:
        return _media(before, unmarked(last))
    return None


def _angled(body: str) -> tuple[str, str | None]:
    """Return the text before and in the final angle brackets; None without brackets."""
    ended = body.rstrip(MARKS + " \r\n")
    before, bracket, within = ended.rpartition("<")
    if not bracket or not within.endswith(">") or len(within) > _MOST_BRACKETED:
        return body, None
    return before.rstrip(MARKS + " "), unmarked(within[:-1])


def _file(text: str, name: str) -> Body:
    """Return a file and its text; a long name, chosen by its sender, is a text too."""
    found = _media(text, name)
    if is_short_file(name):
        return found
    return Body(MessageKind.MESSAGE, f"{name}\n{found.text}".rstrip(), name)


def _media(text: str, media: str) -> Body:
    """Return an attachment and its text, which an iPhone document calls its title."""
    title = unmarked(text)
    if title and len(title) <= _MOST_NAME and _TITLE.match(title) and is_short_file(title):
        return Body(MessageKind.MEDIA, "", f"{title} {media}" if media not in title else title)
    return Body(MessageKind.MESSAGE if title else MessageKind.MEDIA, text if title else "", media)

"""What WhatsApp writes in a message's place, as it says it in many languages: media, deleted messages, edits.

Two signs tell most notices in any language: an iPhone opens them with U+200E, and Android puts them between angle
brackets. The words are for what has neither.
"""

from __future__ import annotations

import re

from dialora.data.transcripts.whatsapp_dates import MARKS

MEDIA, DELETED, EMPTY = "media", "deleted messages", "messages without a text"


def _either(words: str) -> str:
    """Return a pattern of any of the words between commas."""
    return "|".join(" ".join(word.split()) for word in words.split(","))


_MARKED = re.compile("^\\s*\u200e")
_ANGLED = re.compile(r"^<[^<>\n]{3,60}>$")
_ATTACHED = re.compile(r"\u200e<[^<>\n]{1,200}>$")
_EDITED_WORDS = _either(
    """
    edited, editó, edita[dt][oa]?, bearbeitet, modifié, modificato, bewerkt, изменен, muoka, düzenlen, edytowan, 已编辑,
    已編輯, 編集, redigera, redigere?t, upraven, szerkeszt, diedit, נערכ, تعديل, 수정, chỉnh sửa, відредагован,
    редактиран, επεξεργ
    """
)
_EDITED = re.compile(rf"\u200e?<[^<>:\n]{{0,50}}(?:{_EDITED_WORDS})[^<>:\n]{{0,30}}>$", re.IGNORECASE)
"""What is attached stands behind a colon, and its name may hold any word."""
_ATTACHED_WORDS = _either(
    """
    attached, file attached, archivo adjunto, datei angehängt, fichier joint, arquivo anexado, file allegato, allegato,
    bestand bijgevoegd, прикреплённый файл, файл добавлен, plik w załączniku, dosya ekli, 文件附件, 添付ファイル,
    파일 첨부됨, lampiran berkas
    """
)
_FILE = re.compile(rf"^\S(?:.{{0,200}}\S)?\.\w{{2,5}} \((?:{_ATTACHED_WORDS})\)$", re.IGNORECASE)
_OWN_FILE = re.compile(r"^(?:IMG|VID|PTT|AUD|STK|DOC)-\d{8}-WA\d+\.\w{2,5}(?: \([^()]*\))?$", re.IGNORECASE)
_MEDIA_WORDS = _either(
    """
    image, video, vídeo, vidéo, audio, áudio, gif, sticker, document, contact card, video note, media, imagen,
    documento, multimedia, tarjeta de contacto, bild, dokument, kontaktkarte, imagem, figurinha, immagine, afbeelding,
    изображение, видео, аудио, стикер, документ, kuva, ääni, tarra, asiakirja
    """
)
_OMITTED_WORDS = _either(
    """
    omitted, omitid[oa], weggelassen, absente?, omise?, ocultad[oa], omess[oa], weggelaten, опущен[оа]?,
    не добавлен[оа]?, jätetty pois, poistettu
    """
)
_OMITTED = re.compile(
    rf"^(?:.{{0,80}}[\s•])?(?:{_MEDIA_WORDS}) (?:{_OMITTED_WORDS})$|"
    r"^(?:图片|图像|视频|音频|动图|贴图|文档)已忽略$|^忽略(?:图片|视频|音频|贴图|文档)$",
    re.IGNORECASE,
)
_DELETED_WORDS = _either(
    """
    this message was deleted, you deleted this message, eliminaste este mensaje, este mensaje fue eliminado,
    se eliminó este mensaje, diese nachricht wurde gelöscht, du hast diese nachricht gelöscht,
    ce message a été supprimé, vous avez supprimé ce message, mensagem apagada, essa mensagem foi apagada,
    você apagou esta mensagem, você apagou essa mensagem, questo messaggio è stato eliminato,
    hai eliminato questo messaggio, dit bericht is verwijderd, данное сообщение удалено, вы удалили данное сообщение,
    je hebt dit bericht verwijderd, tämä viesti poistettiin, poistit tämän viestin, bu mesaj silindi,
    bu mesajı sildiniz, 此消息已删除, 您已删除此消息, 此訊息已刪除, 您已刪除此訊息,
    (?:この)?メッセージは削除されました, 이 메시지는 삭제되었습니다,
    esta mensagem foi eliminada, eliminou esta mensagem, det här meddelandet togs bort, du tog bort det här meddelandet,
    denne besked blev slettet, du slettede denne besked, denne meldingen ble slettet, du slettet denne meldingen,
    ta wiadomość została usunięta, tato zpráva byla odstraněna, ez az üzenet törölve lett, acest mesaj a fost șters,
    pesan ini telah dihapus, anda menghapus pesan ini, mesej ini telah dipadamkan, tin nhắn này đã bị xóa,
    це повідомлення видалено, ви видалили це повідомлення, това съобщение беше изтрито, αυτό το μήνυμα διαγράφηκε,
    הודעה זו נמחקה, تم حذف هذه الرسالة
    """
)
_DELETED = re.compile(rf"^(?:{_DELETED_WORDS})\.?$", re.IGNORECASE)


def read_message(lines: list[str]) -> tuple[str, str | None]:
    """Return what somebody wrote, and what else WhatsApp wrote there: `MEDIA`, `DELETED` or None."""
    # A sign of direction at the end belongs to nothing; one at the start tells a notice.
    text = _remove_edited("\n".join(lines).rstrip())
    if attached := _ATTACHED.search(text):
        text, was_attached = text[: attached.start()], True
    else:
        was_attached = False
    first, _, rest = text.partition("\n")
    plain = MARKS.sub("", first).strip()
    if _DELETED.match(plain):
        return _clean(rest), DELETED
    if _MARKED.match(first) or any(sign.match(plain) for sign in (_ANGLED, _FILE, _OWN_FILE, _OMITTED)):
        return _clean(rest), MEDIA
    if plain == "null" and not rest:
        return "", MEDIA
    return _clean(text), MEDIA if was_attached else None


def _remove_edited(text: str) -> str:
    """Return a text without the note in angle brackets that it was edited, which stands behind it.

    On an iPhone a sign of direction opens the note, as it does what is attached.
    """
    return _EDITED.sub("", text).rstrip() if text.endswith(">") else text


def _clean(text: str) -> str:
    return MARKS.sub("", text).strip()


__all__ = ["DELETED", "EMPTY", "MEDIA", "read_message"]

"""WhatsApp's chats, of Android and iPhones, in the words, dates and signs of many places."""

from __future__ import annotations

from tests.data.transcripts.files.file import File, Refused
from tests.data.transcripts.support import build_zip

MEDIA, OWN, DELETED = "media and other notices", "lines of WhatsApp itself", "deleted messages"
CONTINUED = "lines that begin no turn, read with the turn above"
NAME = "WhatsApp"

FILES = [
    File(
        "WhatsApp Chat with Ann Lee.txt",
        """\
1/4/23, 7:02\u202fPM - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.
1/14/23, 9:58\u202fAM - Ann Lee: Are you still bringing the tent?
1/14/23, 10:02\u202fAM - +1 (212) 555-0100: Yes, and two sleeping bags.
We leave at 6:30: be ready!
1/14/23, 10:03\u202fAM - Ann Lee: <Media omitted>
1/14/23, 10:04\u202fAM - Ann Lee: You deleted this message
1/14/23, 12:15\u202fPM - Ann Lee: Perfect <This message was edited>
1/14/23, 12:16\u202fPM - Missed voice call
""",
        NAME,
        [
            "Ann Lee: Are you still bringing the tent?",
            "+1 (212) 555-0100: Yes, and two sleeping bags. We leave at 6:30: be ready!",
            "Ann Lee: Perfect",
        ],
        {OWN: 2, MEDIA: 1, DELETED: 1},
        {CONTINUED: 1},
    ),
    File(
        "WhatsApp Chat mit Umzug.vtt",
        """\
03.08.21, 12:29 - Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.
03.08.21, 12:29 - Jörg hat die Gruppe „Umzug: Samstag“ erstellt.
03.08.21, 12:30 - Jörg: Wer kann am Samstag Kisten tragen?
03.08.21, 12:31 - Eva Müller: Ich, ab 10:00 Uhr
03.08.21, 12:33 - Eva Müller: <Medien ausgeschlossen>
03.08.21, 12:40 - Jörg: Diese Nachricht wurde gelöscht
03.08.21, 12:41 - Jörg: Danke dir!
""",
        NAME,
        ["Jörg: Wer kann am Samstag Kisten tragen?", "Eva Müller: Ich, ab 10:00 Uhr", "Jörg: Danke dir!"],
        {OWN: 2, MEDIA: 1, DELETED: 1},
        encoding="utf-8-sig",
        has_crlf=True,
    ),
    File(
        "_chat.txt",
        """\
[07.03.26, 21:20:01] Laufgruppe: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.
[07.03.26, 21:22:39] Anna: Morgen um sieben am See?
\u200e[07.03.26, 21:23:02] ~\u202fBernd: \u200eBild weggelassen
[07.03.26, 21:23:40] ~\u202fBernd: Zu früh 😴
[07.03.26, 21:24:11] Anna: Dann um acht \u200e<Diese Nachricht wurde bearbeitet.>
\u200e[07.03.26, 21:25:00] ~\u202fBernd: Die Strecke \u200e<angehängt: 00000007-PHOTO-2026-03-07-21-25-00.jpg>
""",
        NAME,
        ["Anna: Morgen um sieben am See?", "Bernd: Zu früh 😴", "Anna: Dann um acht", "Bernd: Die Strecke"],
        {MEDIA: 2},
        {"media beside a text, of which the text is kept": 1},
        has_crlf=True,
    ),
    File(
        "Chat de WhatsApp con Luis.txt",
        """\
20/6/2023, 8:28 p.\u00a0m. - Los mensajes y las llamadas están cifrados de extremo a extremo.
20/6/2023, 8:28 p.\u00a0m. - Michelle Ortiz: ¿Llegaste ya al hotel?
20/6/2023, 8:31 p.\u00a0m. - Luis: IMG-20230620-WA0001.jpg (archivo adjunto)
la vista desde el cuarto
20/6/2023, 8:31 p.\u00a0m. - Michelle Ortiz: ¡Qué bonita!
21/6/2023, 7:05 a.\u00a0m. - Luis: <Multimedia omitido>
21/6/2023, 7:06 a.\u00a0m. - Luis: Eliminaste este mensaje.
21/6/2023, 7:08 a.\u00a0m. - Luis: Buenos días: salgo a correr
""",
        NAME,
        [
            "Michelle Ortiz: ¿Llegaste ya al hotel?",
            "Luis: la vista desde el cuarto",
            "Michelle Ortiz: ¡Qué bonita!",
            "Luis: Buenos días: salgo a correr",
        ],
        {OWN: 1, MEDIA: 1, DELETED: 1},
        {CONTINUED: 1, "media beside a text, of which the text is kept": 1},
    ),
    File(
        "_chat.json",
        """\
[2024/10/31\u200915:50:46] 王伟: 你到火车站了吗？
\u200e[2024/10/31\u200915:50:50] 李娜: \u200e图像已忽略
[2024/10/31\u200915:51:46] 李娜: 到了：在东门
[2024/10/31 15:52:03] 王伟: 好，两分钟
""",
        NAME,
        ["王伟: 你到火车站了吗？", "李娜: 到了：在东门", "王伟: 好，两分钟"],
        {MEDIA: 1},
        encoding="utf-8-sig",
    ),
    File(
        "keskustelu.txt",
        """\
[12.3.2022 klo 14.08.18] Mökki: \u200eViestit ja puhelut ovat täysin salattuja.
[12.3.2022 klo 14.09.02] Aino: Kuka ostaa puut?
\u200e[12.3.2022 klo 14.09.20] ~\u202fPekka Niemi: \u200ekuva jätetty pois
[12.3.2022 klo 14.10.30] ~\u202fPekka Niemi: Minä, klo 15.30
""",
        NAME,
        ["Aino: Kuka ostaa puut?", "Pekka Niemi: Minä, klo 15.30"],
        {MEDIA: 2},
    ),
    File(
        "Conversa do WhatsApp com Téo.srt",
        """\
15/01/2022 13:37 - As mensagens e as chamadas são protegidas com a criptografia de ponta a ponta.
15/01/2022 13:38 - Duda: Oi, vai ter churrasco?
15/01/2022 13:39 - Téo: <Mídia oculta>
15/01/2022 13:39 - Téo: Mensagem apagada
15/01/2022 13:40 - Téo: Vai sim
Leva carvão

e gelo
15/01/2022 13:41 - Duda: figurinha.webp (arquivo anexado)
""",
        NAME,
        ["Duda: Oi, vai ter churrasco?", "Téo: Vai sim Leva carvão e gelo"],
        {OWN: 1, MEDIA: 2, DELETED: 1},
        {CONTINUED: 2},
    ),
    File(
        "WhatsApp Chat - Marco.zip",
        build_zip(
            {
                "_chat.txt": "\ufeff[04/08/21, 18:05:12] Marco: Hai preso i biglietti?\r\n"
                "\u200e[04/08/21, 18:06:40] Giulia: \u200eimmagine omessa\r\n"
                "[04/08/21, 18:07:01] Giulia: Sì: fila 7, posti 3 e 4\r\n",
                "00000002-PHOTO-2021-08-04-18-06-40.jpg": b"\xff\xd8\xff",
                "__MACOSX/._chat.txt": b"\0\5",
            }
        ),
        NAME,
        ["Marco: Hai preso i biglietti?", "Giulia: Sì: fila 7, posti 3 e 4"],
        {MEDIA: 1},
    ),
    File(
        "sohbet.txt",
        """\
3.08.2021 12:30 - Mesajlar ve aramalar uçtan uca şifrelidir.
3.08.2021 12:31 - Ayşe: Toplantı kaçta?
3.08.2021 12:32 - Çağrı Öz: <Medya dahil edilmedi>
3.08.2021 12:33 - Çağrı Öz: Bu mesaj silindi
3.08.2021 12:35 - Çağrı Öz: Üçte
""",
        NAME,
        ["Ayşe: Toplantı kaçta?", "Çağrı Öz: Üçte"],
        {OWN: 1, MEDIA: 1, DELETED: 1},
        encoding="utf-16",
    ),
    File(
        "WhatsApp Chat with Society.txt",
        """\
28/11/2023, 9:15\u202fpm - Rahul created group "Block C: water"
28/11/2023, 9:16\u202fpm - Rahul: No water since 5pm. Anyone else?
28/11/2023, 9:18\u202fpm - Mrs. D'Souza (402): Same here
28/11/2023, 9:20\u202fpm - Priya changed the subject from "Block C: water" to "Block C"
29/11/2023, 6:02\u202fam - Priya: PTT-20231129-WA0003.opus (file attached)
29/11/2023, 6:03\u202fam - Priya: Tanker comes at 7
""",
        NAME,
        ["Rahul: No water since 5pm. Anyone else?", "Mrs. D'Souza (402): Same here", "Priya: Tanker comes at 7"],
        {OWN: 2, MEDIA: 1},
        has_crlf=True,
    ),
    File(
        "чат.docx",
        """\
12.05.24 г., 18:03 ч. - Иван: Идваш ли на мача?
12.05.24 г., 18:04 ч. - Мария: Да, след работа
12.05.24 г., 18:05 ч. - Мария: <Прикаченият файл не е включен>
""",
        NAME,
        ["Иван: Идваш ли на мача?", "Мария: Да, след работа"],
        {MEDIA: 1},
    ),
    File(
        "tro-chuyen.txt",
        """\
18:03, 12/05/2024 - Lan: Chiều nay đi cà phê không?
18:04, 12/05/2024 - Minh Trần: <Bỏ qua phương tiện>
18:05, 12/05/2024 - Minh Trần: Đi, 19:30 nhé
""",
        NAME,
        ["Lan: Chiều nay đi cà phê không?", "Minh Trần: Đi, 19:30 nhé"],
        {MEDIA: 1},
    ),
    File(
        "sembang.txt",
        """\
12/05/2024, 11:58 PG - Aisyah: Dah makan?
12/05/2024, 12:01 PTG - Hafiz: Belum lagi
12/05/2024, 12:02 PTG - Aisyah: Jom
""",
        NAME,
        ["Aisyah: Dah makan?", "Hafiz: Belum lagi", "Aisyah: Jom"],
    ),
    File(
        "beszélgetés.txt",
        """\
2024. 05. 12. du. 6:03 - Zsófi: Hozod a kulcsot?
2024. 05. 12. du. 6:05 - Bence: <Médiafájl kihagyva>
2024. 05. 12. du. 6:06 - Bence: Hozom
""",
        NAME,
        ["Zsófi: Hozod a kulcsot?", "Bence: Hozom"],
        {MEDIA: 1},
    ),
    File(
        "צאט.txt",
        """\
15.3.2023, 14:05 - \u200fההודעות והשיחות מוצפנות מקצה לקצה.
15.3.2023, 14:06 - נועה: מתי הרכבת?
15.3.2023, 14:07 - \u202a+972 54-555-0123\u202c: ב-16:20
15.3.2023, 14:08 - נועה: <המדיה לא נכללה>
""",
        NAME,
        ["נועה: מתי הרכבת?", "+972 54-555-0123: ב-16:20"],
        {OWN: 1, MEDIA: 1},
    ),
    File(
        "WhatsApp-chat med Ida.txt",
        """\
12.05.2024 18.03 - Beskeder og opkald er krypteret fra ende til ende.
12.05.2024 18.04 - Mads: Denne besked blev slettet
12.05.2024 18.05 - Ida: Hvornår kommer I? <Denne besked er redigeret>
12.05.2024 18.06 - Mads: Kl. 19.30
""",
        NAME,
        ["Ida: Hvornår kommer I?", "Mads: Kl. 19.30"],
        {OWN: 1, DELETED: 1},
    ),
    File(
        "obrolan.md",
        """\
12/05/24 18.03 - Budi: Besok rapat jam berapa?
12/05/24 18.04 - Siti: <Media tidak disertakan>
12/05/24 18.05 - Siti: Jam 9.30 di lantai 2
""",
        NAME,
        ["Budi: Besok rapat jam berapa?", "Siti: Jam 9.30 di lantai 2"],
        {MEDIA: 1},
    ),
]

REFUSED = [
    Refused(
        "only-notices.txt",
        "1/4/23, 7:02\u202fPM - Ann joined using this group's invite link\n1/4/23, 7:03\u202fPM - Ann: <Media omitted>",
        r"read as WhatsApp, but nobody says anything in it; the first line that is none is .Ann joined using",
    ),
    Refused(
        "no-names.txt",
        "[07.03.26, 21:22:39] Morgen um sieben am See?\n[07.03.26, 21:23:40] Zu früh",
        r"read as WhatsApp, but nobody says anything in it; .*'Morgen um sieben am See\?'.*lines of WhatsApp itself",
    ),
]

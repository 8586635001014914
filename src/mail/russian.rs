//! Letters in Russian.

use jiff::Timestamp;

use super::page::{Block, Page, size, utc};
use super::{Content, MailError};

fn time(at: Timestamp) -> String {
    utc(at, "%d.%m.%Y %H:%M:%S UTC")
}

fn length(bytes: u64) -> String {
    size(bytes, ["Б", "КБ", "МБ", "ГБ", "ТБ"], ',')
}

fn period(from: Timestamp, to: Timestamp) -> String {
    format!("с {} по {}", time(from), time(to))
}

fn note() -> Block {
    Block::Note(
        "Это письмо отправлено автоматически шлюзом записи разговоров. Отвечать на него не нужно."
            .to_owned(),
    )
}

/// The letter in Russian.
///
/// # Errors
/// [`MailError::NoLink`] when it needs a link and there is none.
pub(super) fn page(content: &Content, link: Option<&str>) -> Result<Page, MailError> {
    let (subject, mut blocks) = match content {
        Content::ArchiveReady { records, bytes, from, to, expires, .. } => {
            let link = link.ok_or(MailError::NoLink)?.to_owned();
            let facts = vec![
                ("Период", period(*from, *to)),
                ("Количество записей", records.to_string()),
                ("Размер", length(*bytes)),
                ("Ссылка действует до", time(*expires)),
            ];
            let blocks = vec![
                Block::Text("Архив записей разговоров, который вы запросили, готов.".to_owned()),
                Block::Facts(facts),
                Block::Link("Скачать архив", link),
                Block::Text(
                    "Скачать архив по этой ссылке можно без пароля, поэтому, пожалуйста, никому не \
                     пересылайте это письмо."
                        .to_owned(),
                ),
            ];
            ("Архив записей разговоров готов".to_owned(), blocks)
        }
        Content::ArchiveFailed { from, to, reason } => {
            let facts = vec![("Период", period(*from, *to)), ("Причина", reason.clone())];
            let blocks = vec![
                Block::Text(
                    "Архив записей разговоров, который вы запросили, создать не удалось."
                        .to_owned(),
                ),
                Block::Facts(facts),
                Block::Text(
                    "Вы можете запросить его ещё раз. Если ошибка повторится, обратитесь к \
                     администратору."
                        .to_owned(),
                ),
            ];
            ("Не удалось создать архив записей разговоров".to_owned(), blocks)
        }
        Content::SpaceWarning { tenant, used_bytes, quota_bytes, percent } => {
            let facts = vec![
                ("Клиент", tenant.clone()),
                ("Занято", length(*used_bytes)),
                ("Лимит", length(*quota_bytes)),
            ];
            let blocks = vec![
                Block::Text(format!("Записи разговоров занимают {percent} % отведённого места.")),
                Block::Facts(facts),
                Block::Text(
                    "Пожалуйста, удалите записи, которые больше не нужны, или увеличьте лимит."
                        .to_owned(),
                ),
            ];
            (format!("Место для записей разговоров: занято {percent} %"), blocks)
        }
    };
    blocks.push(note());
    Ok(Page { subject, language: "ru", blocks })
}

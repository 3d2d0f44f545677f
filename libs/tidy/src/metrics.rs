//! Metric names written as text are the ones that the telemetry crate declares.

use crate::tree::RepoFile;

const PREFIX: &str = "switch_";

/// Checks that every quoted metric name in the file is among the declared ones.
pub fn metric_findings(file: &RepoFile, declarations: &str) -> Vec<String> {
    let declared = metric_names(declarations);
    let used = metric_names(&file.text)
        .into_iter()
        .filter(|name| !declared.contains(name));
    used.map(|name| {
        format!(
            "{}: the metric {name} is not declared in libs/telemetry",
            file.path
        )
    })
    .collect()
}

fn metric_names(text: &str) -> Vec<&str> {
    let is_name = |word: &str| {
        word.len() > PREFIX.len()
            && word.starts_with(PREFIX)
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    text.split('"').filter(|word| is_name(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::metric_findings;
    use crate::tree::RepoFile;

    #[test]
    fn names_are_declared() {
        let file = RepoFile {
            path: "a.rs".to_owned(),
            text: "gauge!(\"switch_live_cards\").set(1)".to_owned(),
        };
        assert!(metric_findings(&file, "\"switch_live_cards\"").is_empty());
        assert_eq!(metric_findings(&file, "\"switch_dead_cards\"").len(), 1);
    }
}

//! Text that comes from inside, made fit to be shown.

/// The text without control characters other than line ends, bounded to 4000 characters from its end, whole lines where there are some.
pub fn printable(text: &str) -> String {
    const MOST: usize = 4000;
    let clean: Vec<char> = text.chars().filter(|character| *character == '\n' || !character.is_control()).collect();
    let start = clean.len().saturating_sub(MOST);
    let cuts_a_line = start > 0 && clean[start - 1] != '\n';
    let rest = clean[start..].iter().position(|character| *character == '\n').filter(|_| cuts_a_line);
    clean[start + rest.map_or(0, |end| end + 1)..].iter().collect()
}

/// An error with its causes, as one line that begins with what failed.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = format!("failed to {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

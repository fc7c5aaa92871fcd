//! Ages, as kubectl writes them.

use jiff::Timestamp;
use serde_json::Value;

/// A duration in seconds in the words of kubectl: at most two units, and one where the smaller no longer matters.
///
/// ```
/// use jackin_apiserver::human_duration;
/// assert_eq!(human_duration(300), "5m");
/// assert_eq!(human_duration(3 * 3600 + 12 * 60), "3h12m");
/// ```
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |large: i64, unit: char, small: i64, small_unit: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        // A clock that is a second ahead is no error.
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, 'm', seconds % 60, 's'),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => pair(days, 'd', hours % 24, 'h'),
        _ if days < 730 => format!("{days}d"),
        _ if days < 8 * 365 => pair(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

/// The age of an object at a moment, as a cell of a table.
pub fn age_of(object: &Value, now: Timestamp) -> Value {
    since(object["metadata"]["creationTimestamp"].as_str().unwrap_or_default(), now)
}

/// The time from a timestamp to a moment, as a cell of a table.
pub(crate) fn since(timestamp: &str, now: Timestamp) -> Value {
    let text = match timestamp.parse::<Timestamp>() {
        Ok(then) => human_duration(now.duration_since(then).as_secs()),
        Err(_) => "<unknown>".to_owned(),
    };
    Value::String(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_change_their_unit_where_those_of_kubectl_do() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        let cases = [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (2 * MINUTE, "2m"),
            (2 * MINUTE + 1, "2m1s"),
            (10 * MINUTE + 5, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 12 * MINUTE, "3h12m"),
            (8 * HOUR + MINUTE, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY + HOUR, "2d1h"),
            (8 * DAY + HOUR, "8d"),
            (2 * 365 * DAY - 1, "729d"),
            (2 * 365 * DAY + DAY, "2y1d"),
            (8 * 365 * DAY + DAY, "8y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(human_duration(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn an_object_without_a_time_is_of_unknown_age() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        assert_eq!(since("2026-01-09T23:56:56Z", now), "3m4s");
        assert_eq!(age_of(&serde_json::json!({"metadata": {}}), now), "<unknown>");
    }
}

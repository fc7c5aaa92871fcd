use proptest::prelude::*;

use super::*;

fn size() -> impl Strategy<Value = Size> {
    (any::<u16>(), any::<u16>()).prop_map(|(rows, cols)| Size { rows, cols })
}

fn environment() -> impl Strategy<Value = Environment> {
    prop::collection::btree_map(".{0,8}", ".{0,20}", 0..4).prop_map(Environment)
}

fn frame() -> impl Strategy<Value = Frame> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        bytes().prop_map(Frame::Input),
        bytes().prop_map(Frame::Output),
        bytes().prop_map(Frame::ErrorOutput),
        bytes().prop_map(Frame::Paint),
        (any::<u32>(), ".{0,20}").prop_map(|(protocol, version)| Frame::Hello(Hello { protocol, version })),
        size().prop_map(|size| Frame::Control(Control::Resize { size })),
        Just(Frame::Request(Request::Status)),
        Just(Frame::Event(Event::TakenOver)),
        (any::<i32>()).prop_map(|code| Frame::Event(Event::Ended { exit: Some(Exit::with_code(code)) })),
        (".{0,40}", environment(), prop::collection::vec(".{0,9}", 0..3)).prop_map(|(digest, env, path_prepend)| {
            Frame::Request(Request::Personalise(Personalise { digest, env, path_prepend }))
        }),
        (".{0,40}", prop::collection::vec(".{0,9}", 0..3), environment(), size()).prop_map(
            |(name, argv, env, size)| {
                Frame::Request(Request::Spawn(Spawn { name, argv, env, size, ..Spawn::default() }))
            }
        ),
        ".{0,40}".prop_map(|message| Frame::Reply(Reply::Error(ReplyError { code: ErrorCode::Failed, message }))),
        (".{0,9}", any::<u32>(), any::<bool>()).prop_map(|(name, attached, writer)| {
            Frame::Notice(Notice::ViewersChanged { id: "s-1".to_owned(), name, attached, writer })
        }),
    ]
}

fn decode_all(decoder: &mut Decoder) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(raw) = decoder.next_frame().expect("a valid stream") {
        frames.push(Frame::parse(raw).expect("a valid payload"));
    }
    frames
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_the_stream_is_split(
        frames in prop::collection::vec(frame(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.encode().expect("short frames")).collect();
        let mut positions: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        positions.push(stream.len());
        positions.sort_unstable();
        let mut decoder = Decoder::default();
        let mut decoded = Vec::new();
        let mut from = 0;
        for to in positions {
            decoder.push(&stream[from..to]);
            decoded.extend(decode_all(&mut decoder));
            from = to;
        }
        prop_assert_eq!(decoded, frames);
        prop_assert_eq!(decoder.pending(), 0);
    }

    #[test]
    fn no_byte_stream_makes_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        while let Ok(Some(raw)) = decoder.next_frame() {
            let _ = Frame::parse(raw);
        }
    }
}

#[test]
fn a_header_that_promises_too_much_is_refused_before_any_payload() {
    let mut decoder = Decoder::default();
    decoder.push(&[0xff, 0xff, 0xff, 0xff, FrameKind::Input as u8]);
    let refused = Err(DecodeError::Oversize { bytes: u32::MAX });
    assert_eq!(decoder.next_frame(), refused);
    assert_eq!(decoder.pending(), 0);
    decoder.push(&Frame::Input(vec![1]).encode().expect("short"));
    assert_eq!(decoder.next_frame(), refused, "an error is final");
    assert_eq!(decoder.pending(), 0, "and nothing is kept any more");
}

#[test]
fn the_longest_payload_is_accepted_and_one_byte_more_is_not() {
    for (length, accepted) in [(MAX_PAYLOAD, true), (MAX_PAYLOAD + 1, false)] {
        let mut decoder = Decoder::default();
        let header = u32::try_from(length).expect("fits").to_be_bytes();
        decoder.push(&header);
        decoder.push(&[FrameKind::Output as u8]);
        decoder.push(&vec![7; length]);
        assert_eq!(decoder.next_frame().is_ok(), accepted, "{length}");
    }
}

#[test]
fn a_lying_length_does_not_reserve_memory() {
    let mut decoder = Decoder::default();
    decoder.push(&u32::try_from(MAX_PAYLOAD).expect("fits").to_be_bytes());
    decoder.push(&[FrameKind::Input as u8, 1, 2, 3]);
    assert_eq!(decoder.next_frame(), Ok(None));
    assert_eq!(decoder.pending(), 8);
    assert!(decoder.capacity() < 1024, "{}", decoder.capacity());
}

#[test]
fn long_data_becomes_several_frames() {
    let data = vec![b'x'; MAX_PAYLOAD + 10];
    let mut decoder = Decoder::default();
    decoder.push(&Frame::data(FrameKind::Output, &data));
    let lengths: Vec<usize> = decode_all(&mut decoder)
        .iter()
        .map(|frame| match frame {
            Frame::Output(bytes) => bytes.len(),
            other => panic!("not output: {other:?}"),
        })
        .collect();
    assert_eq!(lengths, [MAX_PAYLOAD, 10]);
}

#[test]
fn what_a_later_version_says_is_a_value_not_an_error() {
    let parse = |kind: FrameKind, json: &str| {
        Frame::parse(RawFrame { kind: kind as u8, payload: json.as_bytes().to_vec() }).expect("known shape")
    };
    assert_eq!(parse(FrameKind::Request, r#"{"kind":"teleport","to":"mars"}"#), Frame::Request(Request::Unknown));
    assert_eq!(parse(FrameKind::Control, r#"{"kind":"wave"}"#), Frame::Control(Control::Unknown));
    assert_eq!(parse(FrameKind::Event, r#"{"kind":"rain"}"#), Frame::Event(Event::Unknown));
    assert_eq!(parse(FrameKind::Notice, r#"{"kind":"news","of":[1]}"#), Frame::Notice(Notice::Unknown));
    assert_eq!(parse(FrameKind::Reply, r#"{"kind":"maybe"}"#), Frame::Reply(Reply::Unknown));
    assert_eq!(Frame::parse(RawFrame { kind: 99, payload: vec![1] }), Ok(Frame::Unknown { kind: 99 }));
    let state: SessionState = serde_json::from_str("\"dreaming\"").expect("a later state");
    assert_eq!(state, SessionState::Unknown);
}

#[test]
fn newer_fields_are_ignored_and_older_messages_get_defaults() {
    let json = r#"{"kind":"spawn","name":"main","argv":["@shell"],"later":{"a":1}}"#;
    let raw = RawFrame { kind: FrameKind::Request as u8, payload: json.as_bytes().to_vec() };
    let expected = Spawn { name: "main".to_owned(), argv: vec![SHELL.to_owned()], ..Spawn::default() };
    assert_eq!(Frame::parse(raw), Ok(Frame::Request(Request::Spawn(expected))));
}

#[test]
fn neither_errors_nor_debug_output_show_a_value_of_the_environment() {
    let personalise = Personalise {
        digest: "d".to_owned(),
        env: [("TOKEN", "hunter2")].into_iter().collect(),
        path_prepend: Vec::new(),
    };
    let shown = format!("{:?}", Frame::Request(Request::Personalise(personalise.clone())));
    assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
    let strokes = vec![Stroke::Text { text: "hunter2".to_owned() }, Stroke::Paste { text: "hunter2".to_owned() }];
    let shown = format!("{:?}", Frame::Request(Request::Send(Typing { session: None, strokes })));
    assert!(shown.contains("7 bytes") && !shown.contains("hunter2"), "{shown}");
    let mut payload = serde_json::to_vec(&Request::Personalise(personalise)).expect("json");
    payload.pop();
    let error = Frame::parse(RawFrame { kind: FrameKind::Request as u8, payload }).expect_err("cut");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

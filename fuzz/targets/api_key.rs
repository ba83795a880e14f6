//! One-string API keys: nothing is read out of a key that was not put into it, and the checksum finds
//! every single wrong character.
#![no_main]

use keyward_core::id::ClientId;
use keyward_core::secret::{
    Environment, PlainSecret, SECRET_RANDOM_LENGTH, has_valid_checksum, parse_api_key,
};
use libfuzzer_sys::fuzz_target;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Some(parts) = parse_api_key(&text) {
        assert!(has_valid_checksum(parts.secret));
        let end = format!("_{}_{}", parts.client, parts.secret);
        let environment = text.strip_suffix(&end).and_then(|start| start.strip_prefix("kw_"));
        assert!(environment.and_then(Environment::parse).is_some(), "{text}");
        let shown = format!("ApiKeyParts {{ client: {:?}, .. }}", parts.client);
        assert_eq!(format!("{parts:?}"), shown, "the id and nothing else");
    }
    made_of(data);
});

/// A key made of the input: 32 characters of the secret, then what to spoil, the rest is the id.
fn made_of(data: &[u8]) {
    let Some((random, rest)) = data.split_at_checked(SECRET_RANDOM_LENGTH) else { return };
    let Some((&[at, by], id)) = rest.split_first_chunk::<2>() else { return };
    let Ok(client) = ClientId::parse(&String::from_utf8_lossy(id)) else { return };
    let random: String =
        random.iter().map(|byte| char::from(BASE62[usize::from(*byte) % 62])).collect();
    let secret = PlainSecret::from_random(&random);
    let key = secret.api_key(&Environment::default(), &client);
    let parts = parse_api_key(&key).expect("a key that was just made");
    assert_eq!((parts.client, parts.secret), (client.to_string().as_str(), secret.reveal()));

    let mut spoilt = secret.reveal().as_bytes().to_vec();
    let at = usize::from(at) % spoilt.len();
    let by = BASE62[usize::from(by) % 62];
    let same = spoilt[at] == by;
    spoilt[at] = by;
    assert_eq!(has_valid_checksum(&String::from_utf8_lossy(&spoilt)), same);
}

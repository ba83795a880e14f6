use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_key_is_private_whole_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(MASTER_KEY_FILE);
    let made = MasterKey::open_or_create(&path, false).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end().len(), 64);
    // Nothing else is left behind.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let read = MasterKey::open_or_create(&path, true).unwrap();
    let sealed = made.seal("pepper", "1", b"text").unwrap();
    assert_eq!(read.open("pepper", "1", &sealed).unwrap().as_slice(), b"text");
}

#[test]
fn a_missing_key_is_not_replaced_while_something_is_sealed_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(MASTER_KEY_FILE);
    let error = MasterKey::open_or_create(&path, true).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(error.contains("put the file back"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(MASTER_KEY_FILE);
    MasterKey::open_or_create(&path, false).unwrap();
    for wrong in [0o640, 0o604, 0o660, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(wrong)).unwrap();
        let error = MasterKey::open_or_create(&path, false).unwrap_err();
        assert!(matches!(error, MasterKeyError::Exposed { mode, .. } if mode == wrong));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(MasterKey::open_or_create(&path, false).is_ok());
}

#[test]
fn a_key_may_be_written_as_hexadecimal_or_base64_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(MASTER_KEY_FILE);
    let bytes = [0xfb; 32];
    let expected = MasterKey::from_bytes(&bytes).unwrap().seal("k", "i", b"x").unwrap();
    let hex = hexadecimal(&bytes).to_string();
    let write = |text: &str| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        MasterKey::open_or_create(&path, true)
    };
    let right = [
        format!("{hex}\n"),
        hex.to_uppercase(),
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        format!("  {}\r\n", URL_SAFE_NO_PAD.encode(bytes)),
    ];
    for text in right {
        let key = write(&text).unwrap();
        assert_eq!(key.open("k", "i", &expected).unwrap().as_slice(), b"x", "{text}");
    }
    let short = STANDARD.encode([1; 31]);
    let (long, cut) = ("a".repeat(10_000), "a".repeat(62));
    for text in ["", "\n", "secret", &short, &cut, &hex.replace('f', "g"), &long] {
        let error = write(text).unwrap_err();
        assert!(matches!(error, MasterKeyError::Malformed { .. }), "{text}");
        // The key's text itself is in no message.
        assert!(text.trim().is_empty() || !error.to_string().contains(text), "{text}");
    }
}

#[test]
fn what_is_sealed_opens_for_its_own_record_only() {
    let key = MasterKey::from_bytes(&[1; 32]).unwrap();
    let sealed = key.seal("signing-key", "a", b"private").unwrap();
    assert_ne!(sealed, key.seal("signing-key", "a", b"private").unwrap(), "the nonce is fresh");
    assert!(!sealed.windows(7).any(|part| part == b"private"));
    assert_eq!(key.open("signing-key", "a", &sealed).unwrap().as_slice(), b"private");

    for (kind, id) in [("signing-key", "b"), ("pepper", "a"), ("signing-ke", "ya"), ("", "a")] {
        assert_eq!(key.open(kind, id, &sealed).unwrap_err(), SealError::Refused);
    }
    for index in 1..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert_eq!(key.open("signing-key", "a", &changed).unwrap_err(), SealError::Refused);
    }
    let mut newer = sealed.clone();
    newer[0] = 2;
    assert_eq!(key.open("signing-key", "a", &newer).unwrap_err(), SealError::Form);
    for length in 0..sealed.len() {
        assert!(key.open("signing-key", "a", &sealed[..length]).is_err());
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join(MASTER_KEY_FILE);
    let error = MasterKey::open_or_create(&path, false).unwrap_err();
    assert!(matches!(error, MasterKeyError::Io { what: "create", .. }));
    assert!(error.to_string().contains(path.to_str().unwrap()));
}

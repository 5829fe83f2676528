//! References to archives of functions in S3.

use crate::text::{InvalidText, checked_text};

checked_text! {
    /// An archive of a function's code in a bucket: `s3://bucket/key`, with `?versionId=` and one
    /// of the object's versions, or `?etag=` and what the object must be, where the bucket keeps
    /// no versions. At most 1,024 characters.
    Archive, what: "an archive in S3",
    pattern: "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.=+@:-]+)+(\\?(versionId=[A-Za-z0-9._-]+|etag=[0-9a-f]{32}(-[0-9]{1,5})?))?$",
    max: 1024,
    rule: "`s3://bucket/key`, with `?versionId=` and a version behind it to name one, such as `s3://shop--orders--code/v3.zip`; a key of letters, digits and `_.=+@:-` between slashes",
    check: |text| parts(text).is_some()
}

/// Which of the objects that were and are under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pin<'a> {
    Version(&'a str),
    Etag(&'a str),
}

impl Archive {
    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        self.parts().0
    }

    /// The object's key.
    pub fn key(&self) -> &str {
        self.parts().1
    }

    /// The object's version, where one is named. `null` is none: it is what S3 calls objects of
    /// buckets that keep no versions, and another object takes its place.
    pub fn version(&self) -> Option<&str> {
        match self.parts().2 {
            Some(Pin::Version(version)) if version != "null" => Some(version),
            Some(_) | None => None,
        }
    }

    /// The object's ETag, where it is to be this one.
    pub fn etag(&self) -> Option<&str> {
        match self.parts().2 {
            Some(Pin::Etag(etag)) => Some(etag),
            Some(Pin::Version(_)) | None => None,
        }
    }

    /// Whether it is known which object it is.
    pub fn is_pinned(&self) -> bool {
        self.version().or(self.etag()).is_some()
    }

    /// Whether it lies in the same bucket under the same key.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.bucket() == other.bucket() && self.key() == other.key()
    }

    /// The same at this version.
    ///
    /// # Errors
    /// The version is of another form, or the reference gets too long.
    pub fn at_version(&self, version: &str) -> Result<Self, InvalidText> {
        format!("{}?versionId={version}", self.unpinned()).parse()
    }

    /// The same with this ETag, as S3 says it but without quotes.
    ///
    /// # Errors
    /// The ETag is of another form, or the reference gets too long.
    pub fn at_etag(&self, etag: &str) -> Result<Self, InvalidText> {
        format!("{}?etag={etag}", self.unpinned()).parse()
    }

    /// The reference without version and ETag.
    pub fn unpinned(&self) -> &str {
        self.as_str().split('?').next().unwrap_or_default()
    }

    fn parts(&self) -> (&str, &str, Option<Pin<'_>>) {
        parts(self.as_str()).unwrap_or_default()
    }
}

fn parts(text: &str) -> Option<(&str, &str, Option<Pin<'_>>)> {
    let rest = text.strip_prefix("s3://")?;
    let (place, pin) = match rest.split_once('?') {
        Some((place, pin)) => (place, Some(pin_of(pin)?)),
        None => (rest, None),
    };
    let (bucket, key) = place.split_once('/')?;
    let is_key = key.split('/').all(|part| {
        let is_known = |b: u8| b.is_ascii_alphanumeric() || b"_.=+@:-".contains(&b);
        !part.is_empty() && part.bytes().all(is_known)
    });
    (is_bucket(bucket) && is_key).then_some((bucket, key, pin))
}

fn is_bucket(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.starts_with(edge)
        && name.ends_with(edge)
        && name.chars().all(|c| edge(c) || c == '.' || c == '-')
}

fn pin_of(text: &str) -> Option<Pin<'_>> {
    if let Some(version) = text.strip_prefix("versionId=") {
        let is_known = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_version = !version.is_empty() && version.bytes().all(is_known);
        return is_version.then_some(Pin::Version(version));
    }
    let etag = text.strip_prefix("etag=")?;
    // Of an object that was uploaded in parts, their number is behind the hyphen.
    let (hex, parts) = match etag.split_once('-') {
        Some((hex, parts)) => (hex, parts),
        None => (etag, "1"),
    };
    let is_hex = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_count = (1..=5).contains(&parts.len()) && parts.bytes().all(|b| b.is_ascii_digit());
    (is_hex && is_count).then_some(Pin::Etag(etag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(text: &str) -> Archive {
        text.parse().expect(text)
    }

    #[test]
    fn an_archive_falls_into_bucket_key_and_which_object() {
        let etag = "0123456789abcdef0123456789abcdef";
        let plain = archive("s3://shop-code/genai/v1.zip");
        assert_eq!((plain.bucket(), plain.key()), ("shop-code", "genai/v1.zip"));
        assert_eq!((plain.version(), plain.etag()), (None, None));
        let version = plain
            .at_version("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY")
            .unwrap();
        assert_eq!(version.version(), Some("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"));
        let other = version.at_etag(etag).unwrap();
        assert_eq!(
            other.as_str(),
            format!("s3://shop-code/genai/v1.zip?etag={etag}")
        );
        assert_eq!((other.version(), other.etag()), (None, Some(etag)));
        assert!(version.is_pinned() && other.is_pinned() && !plain.is_pinned());
        assert!(version.is_beside(&plain) && other.unpinned() == plain.as_str());
        assert!(!archive("s3://shop-code/a.zip?versionId=null").is_pinned());
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        for bad in [
            "",
            "shop-code/a.zip",
            "s3://shop-code",
            "s3://shop-code/",
            "s3://Shop/a.zip",
            "s3://ab/a.zip",
            "s3://shop-code//a.zip",
            "s3://shop-code/a b.zip",
            "s3://shop-code/a.zip?versionId=",
            "s3://shop-code/a.zip?etag=12",
            "s3://shop-code/a.zip?partNumber=1",
            "s3://{{resolve:ssm:x}}/a.zip",
        ] {
            assert!(bad.parse::<Archive>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_check_and_the_pattern_agree(
            text in "[a-z3:/?.]{0,12}|s3://[a-zA.-]{1,5}(/[a-z.=!]{0,3}){0,2}(\\?(versionId|etag)=([a-f0-9!]{0,4}|[a-f0-9]{32}(-[0-9]{0,6})?))?"
        ) {
            let schema = serde_json::json!({"type": "string", "pattern": Archive::PATTERN, "maxLength": 1024});
            prop_assert_eq!(jsonschema::is_valid(&schema, &text.clone().into()), text.parse::<Archive>().is_ok(), "{}", text);
        }
    }
}

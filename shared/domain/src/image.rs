//! References to container images.

use crate::text::checked_text;

checked_text! {
    /// A container image: `[registry/]repository[:tag][@digest]`, by the grammar of the OCI
    /// distribution specification, at most 300 characters.
    Image, what: "an image",
    pattern: "^([a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]{1,5})?/)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$",
    max: 300,
    rule: "`[registry/]repository[:tag][@sha256:digest]` in lower case but for the tag, such as `nginx:alpine` or `111122223333.dkr.ecr.us-east-1.amazonaws.com/shop:v3`",
    check: |text| Parts::read(text).is_some()
}

impl Image {
    /// The registry's host: the first part when it has a dot or a port or is `localhost`, and
    /// `docker.io` otherwise, as container runtimes read it.
    pub fn registry(&self) -> &str {
        match self.as_str().split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
            _ => "docker.io",
        }
    }

    /// The account, region and repository, where the image lies in a private ECR registry.
    pub fn ecr(&self) -> Option<EcrImage<'_>> {
        let (host, rest) = self.as_str().split_once('/')?;
        let mut labels = host.split('.');
        let account = labels
            .next()
            .filter(|a| a.len() == 12 && a.bytes().all(|b| b.is_ascii_digit()))?;
        let ("dkr", "ecr", region, "amazonaws") = (
            labels.next()?,
            labels.next()?,
            labels.next()?,
            labels.next()?,
        ) else {
            return None;
        };
        let repository = rest.split(['@', ':']).next()?;
        Some(EcrImage {
            account,
            region,
            repository,
        })
    }
}

/// Where an image lies in a private ECR registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcrImage<'a> {
    /// The registry's account, 12 digits.
    pub account: &'a str,
    /// The registry's region.
    pub region: &'a str,
    /// The repository's name, without tag and digest.
    pub repository: &'a str,
}

/// The three parts of a reference; `read` is `None` when one is not of its form.
struct Parts;

impl Parts {
    fn read(text: &str) -> Option<()> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest {
            let hex = digest.strip_prefix("sha256:")?;
            if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return None;
            }
        }
        // A colon behind the last slash starts the tag; one before it, in the host, a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return None;
        }
        for (index, part) in name.split('/').enumerate() {
            let part = match part.split_once(':') {
                Some((host, port))
                    if index == 0
                        && name.contains('/')
                        && (1..=5).contains(&port.len())
                        && port.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    host
                }
                Some(_) => return None,
                None => part,
            };
            if !is_part(part) {
                return None;
            }
        }
        Some(())
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_part(part: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(edge)
        && part.ends_with(edge)
        && part
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(text: &str) -> Image {
        text.parse().expect(text)
    }

    #[test]
    fn common_references_are_images() {
        for good in [
            "nginx",
            "nginx:alpine",
            "library/nginx",
            "localhost:5000/x",
            "ghcr.io/a/b:V1.2_3-x",
            "111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-api1-prod:v1",
            &format!("a@sha256:{}", "0".repeat(64)),
        ] {
            image(good);
        }
        for bad in [
            "",
            "UPPER",
            "a b",
            "a:",
            "a@sha256:12",
            ":v1",
            "a//b",
            "https://x/y",
            "a:b:c",
            "-a",
            "{{resolve:ssm:x}}",
        ] {
            assert!(bad.parse::<Image>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_registry_is_read_as_a_container_runtime_reads_it() {
        assert_eq!(image("nginx:alpine").registry(), "docker.io");
        assert_eq!(image("team/app").registry(), "docker.io");
        assert_eq!(image("ghcr.io/team/app").registry(), "ghcr.io");
        assert_eq!(image("localhost:5000/app").registry(), "localhost:5000");
    }

    #[test]
    fn an_ecr_image_names_its_account_region_and_repository() {
        let ours = image("111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1");
        assert_eq!(
            ours.ecr(),
            Some(EcrImage {
                account: "111122223333",
                region: "eu-west-1",
                repository: "team/app"
            })
        );
        assert_eq!(image("public.ecr.aws/nginx/nginx:1").ecr(), None);
    }

    proptest! {
        #[test]
        fn the_check_and_the_pattern_agree(
            text in "[a-zA:./@_-]{0,12}|[a-z.]{1,8}(:[0-9]{1,6})?(/[a-z_.-]{0,6}){0,2}(:[A-Za-z0-9._-]{0,8})?"
        ) {
            let schema = serde_json::json!({"type": "string", "pattern": Image::PATTERN, "maxLength": 300});
            prop_assert_eq!(jsonschema::is_valid(&schema, &text.clone().into()), text.parse::<Image>().is_ok(), "{}", text);
        }
    }
}

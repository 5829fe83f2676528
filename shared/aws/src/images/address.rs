//! Where a registry is asked, and which addresses are not.
//!
//! A team chooses the registry's name, and a registry says where its tokens and blobs are. So
//! every address is checked before it is asked: HTTPS to a host with a public kind of name, or
//! the origin of one of the platform's mirrors, which an operator chose. The functions are in no
//! VPC, so that there is nothing inside to reach by a name; this keeps them from asking Lambda's
//! own endpoints, which are plain addresses.

use http::Uri;
use slipway_domain::Image;

use super::MirrorMap;

/// The registry of Docker Hub's images, which has another name than they bear.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// Where one image is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The registry's address without a slash at its end; `/v2/` follows.
    pub(super) root: String,
    /// The repository at the registry.
    pub(super) repository: String,
    /// The digest, or the tag where it has none.
    pub(super) reference: String,
}

impl Place {
    pub(super) fn manifest(&self, reference: &str) -> String {
        format!("{}/v2/{}/manifests/{reference}", self.root, self.repository)
    }

    pub(super) fn blob(&self, digest: &str) -> String {
        format!("{}/v2/{}/blobs/{digest}", self.root, self.repository)
    }
}

/// Registries that are asked elsewhere than at their own name.
#[derive(Debug, Default)]
pub(super) struct Mirrors(MirrorMap);

impl Mirrors {
    pub(super) fn new(mirrors: &MirrorMap) -> Self {
        let roots = mirrors
            .iter()
            .map(|(registry, root)| (registry.clone(), root.trim_end_matches('/').to_owned()));
        Self(roots.collect())
    }

    /// The mirrors' origins, such as `https://mirror.example:8443`.
    pub(super) fn origins(&self) -> Vec<String> {
        let uris = self.0.values().filter_map(|root| root.parse().ok());
        uris.filter_map(|uri| origin(&uri)).collect()
    }

    /// Where an image of a registry that speaks the distribution protocol is looked up.
    pub(super) fn place(&self, image: &Image) -> Place {
        let registry = match image.registry() {
            "index.docker.io" | DOCKER_HUB => "docker.io",
            registry => registry,
        };
        let name = image.repository();
        let path = name
            .strip_prefix(image.registry())
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(name);
        // Docker Hub's official images are in a namespace that nobody writes.
        let repository = if registry == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let root = match self.0.get(registry) {
            Some(mirror) => mirror.clone(),
            None if registry == "docker.io" => format!("https://{DOCKER_HUB}"),
            None => format!("https://{registry}"),
        };
        Place {
            root,
            repository,
            reference: reference(image).to_owned(),
        }
    }
}

/// What names the image in its repository: its digest, or its tag, which is `latest` where none
/// is written.
pub(super) fn reference(image: &Image) -> &str {
    image.digest().or(image.tag()).unwrap_or("latest")
}

/// Scheme, host and port.
pub(super) fn origin(uri: &Uri) -> Option<String> {
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

/// Whether an address may be asked.
pub(super) fn permitted(uri: &Uri, mirrors: &[String]) -> bool {
    if origin(uri).is_some_and(|origin| mirrors.contains(&origin)) {
        return true;
    }
    let user = uri.authority().is_some_and(|it| it.as_str().contains('@'));
    uri.scheme_str() == Some("https") && !user && uri.host().is_some_and(is_public_name)
}

/// Whether a host is a name that can be public. The last label of an IP address, in all the
/// ways that resolvers read one, begins with a digit or a bracket; that of a domain does not.
fn is_public_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.rsplit_once('.').is_some_and(|(_, last)| {
        last.starts_with(|c: char| c.is_ascii_alphabetic()) && last != "localhost"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(mirrors: &Mirrors, image: &str) -> (String, String) {
        let place = mirrors.place(&image.parse().unwrap());
        (place.manifest(&place.reference), place.blob("sha256:0"))
    }

    #[test]
    fn registries_are_asked_at_their_own_names_and_docker_hub_at_another() {
        let none = Mirrors::default();
        for (image, manifest) in [
            (
                "nginx",
                "https://registry-1.docker.io/v2/library/nginx/manifests/latest",
            ),
            (
                "team/app:v1",
                "https://registry-1.docker.io/v2/team/app/manifests/v1",
            ),
            (
                "docker.io/nginx:1",
                "https://registry-1.docker.io/v2/library/nginx/manifests/1",
            ),
            (
                "index.docker.io/nginx:1",
                "https://registry-1.docker.io/v2/library/nginx/manifests/1",
            ),
            ("ghcr.io/a/b:V1", "https://ghcr.io/v2/a/b/manifests/V1"),
            (
                "r.example:5000/a:1",
                "https://r.example:5000/v2/a/manifests/1",
            ),
        ] {
            assert_eq!(place(&none, image).0, manifest, "{image}");
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        let (manifest, _) = place(&none, &format!("ghcr.io/a/b:v1@{digest}"));
        assert_eq!(
            manifest,
            format!("https://ghcr.io/v2/a/b/manifests/{digest}")
        );
    }

    #[test]
    fn a_mirror_is_asked_below_its_path() {
        let mirrors = MirrorMap::from([
            ("docker.io".into(), "https://mirror.example/hub/".into()),
            ("r.example:5000".into(), "http://127.0.0.1:9".into()),
        ]);
        let mirrors = Mirrors::new(&mirrors);
        assert_eq!(
            place(&mirrors, "nginx:1").0,
            "https://mirror.example/hub/v2/library/nginx/manifests/1"
        );
        assert_eq!(
            place(&mirrors, "r.example:5000/a:1").1,
            "http://127.0.0.1:9/v2/a/blobs/sha256:0"
        );
        assert_eq!(
            place(&mirrors, "ghcr.io/a:1").0,
            "https://ghcr.io/v2/a/manifests/1"
        );
        let origins = mirrors.origins();
        assert_eq!(origins, ["https://mirror.example", "http://127.0.0.1:9"]);
    }

    #[test]
    fn only_https_to_a_public_kind_of_name_and_mirrors_are_asked() {
        let mirrors = ["http://127.0.0.1:9".to_owned()];
        for (address, wanted) in [
            ("https://ghcr.io/v2/", true),
            ("https://r.example:5000/v2/", true),
            ("http://127.0.0.1:9/v2/", true),
            ("http://ghcr.io/v2/", false),
            ("https://127.0.0.1/v2/", false),
            ("https://127.1/v2/", false),
            ("https://0x7f.0.0.0x1/v2/", false),
            ("https://2130706433/v2/", false),
            ("https://[::1]/v2/", false),
            ("https://[::ffff:169.254.169.254]:443/", false),
            ("https://localhost/v2/", false),
            ("https://a.localhost./v2/", false),
            ("https://registry/v2/", false),
            ("https://ghcr.io@127.0.0.1/", false),
            ("https://127.0.0.1@ghcr.io/", false),
            ("http://127.0.0.1:90/v2/", false),
            ("/v2/", false),
        ] {
            let uri: Uri = address.parse().unwrap();
            assert_eq!(permitted(&uri, &mirrors), wanted, "{address}");
        }
    }
}

//! What starts deployments from outside: webhooks of git hosts and registries, and pushes of images.

//! Tells people and programs what became of deployments.

//! What is judged, from what was found.

//! Acknowledgments: what is awaited, what came, and what that makes of a document.

//! Transports: ways to move bytes. Local folders, SFTP, HTTP.

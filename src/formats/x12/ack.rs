//! Acknowledgments: TA1, 997 and 999, composed from verdicts and read back.

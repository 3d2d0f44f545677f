//! What was tampered with is found: in the books, in the totals, and in what was told outside.

mod books;
mod life;
mod record;

//! From a switch with a long past to another place: what must arrive, and what must be refused.

mod damage;
mod embedded;
mod keys;
mod moves;
mod place;
mod world;

//! A table for each kind of request: every rung of its ladder, in the order of precedence.

mod calendar;
mod completion;
mod completion_void;
mod credit;
mod duplicates;
mod eviction;
mod holds;
mod limits;
mod loss;
mod purchase;
mod refund;
mod reversal;
mod reversal_of_holds;
mod reversed_first;
mod void;

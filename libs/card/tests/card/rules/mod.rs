//! A table for each kind of request: every rung of its ladder, in the order of precedence.

mod acceptance;
mod account_check;
mod adjust;
mod calendar;
mod completion;
mod completion_void;
mod credit;
mod credit_confirm;
mod duplicates;
mod eviction;
mod holds;
mod limits;
mod loss;
mod offline_sale;
mod purchase;
mod refund;
mod replacement;
mod reversal;
mod reversal_of_holds;
mod reversed_first;
mod spending;
mod void;

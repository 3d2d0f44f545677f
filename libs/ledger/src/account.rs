//! The chart of accounts of a prepaid programme.

/// What an account stands for on the balance sheet; decides which side makes it grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountKind {
    /// Money held for card holders and merchants.
    ClientAsset,
    /// The operator's own money.
    OwnAsset,
    /// Money paid out that somebody must give back.
    Suspense,
    /// What is owed to card holders, merchants and networks.
    ClientLiability,
    /// What is owed outside the float.
    OtherLiability,
    /// What the operator earned.
    Income,
    /// What the operator spent.
    Expense,
}

macro_rules! chart {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $kind:ident;)*) => {
        /// An account of a programme, by its number in the chart. Sub-ledgers (per card, per
        /// merchant and day) hang under these control accounts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Account { $($(#[$doc])* $name = $number,)* }

        impl Account {
            /// The whole chart.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The account's number in the chart.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// Finds an account by its number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// What it stands for.
            #[must_use]
            pub const fn kind(self) -> AccountKind {
                match self { $(Self::$name => AccountKind::$kind,)* }
            }
        }
    };
}

chart! {
    /// The reserve at the central bank: all of the float.
    Reserve = 1001, ClientAsset;
    /// Load channels owe it to us.
    LoadsInTransit = 1002, ClientAsset;
    /// Sales points hold it in cash.
    CashInTransit = 1003, ClientAsset;
    /// The operator's own bank account; never mixed with the reserve.
    OwnFunds = 1101, OwnAsset;
    /// Paid for others, to be recovered or written off.
    SuspenseShort = 1301, Suspense;
    /// Balances of registered cards.
    RegisteredCards = 2001, ClientLiability;
    /// Balances of anonymous cards.
    AnonymousCards = 2002, ClientLiability;
    /// Balances on chips.
    ElectronicCash = 2003, ClientLiability;
    /// Owed to merchants.
    MerchantPayable = 2101, ClientLiability;
    /// Owed to or by the network for our cards used elsewhere.
    NetworkPosition = 2102, ClientLiability;
    /// Redeemed, not paid out yet.
    RedemptionPayable = 2103, ClientLiability;
    /// Credits that match nothing yet.
    SuspenseOver = 2201, ClientLiability;
    /// Owed to holders in disputes.
    DisputePayable = 2202, ClientLiability;
    /// Balances of expired cards: still owed.
    ExpiredBalances = 2203, ClientLiability;
    /// Deposits, outside the float, on their own bank account.
    Deposits = 2204, OtherLiability;
    /// Loyalty points.
    Points = 2205, OtherLiability;
    /// Between two cards; zero when no transfer is open.
    TransfersInTransit = 2206, ClientLiability;
    /// Merchant fees earned.
    MerchantFees = 4001, Income;
    /// Card fees earned.
    CardFees = 4002, Income;
    /// Interest on the reserve; unused unless configured.
    ReserveInterest = 4003, Income;
    /// Breakage; unused: an unspent balance stays the holder's.
    Breakage = 4004, Income;
    /// Network fees paid from own funds.
    NetworkFees = 5001, Expense;
    /// Load channel fees paid from own funds.
    ChannelFees = 5002, Expense;
    /// Losses paid from own funds.
    OperationalLoss = 5003, Expense;
}

impl Account {
    /// Whether it is part of the float: the balances that card holders may still spend, with what
    /// is expired or under way between two cards.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(
            self,
            Self::RegisteredCards
                | Self::AnonymousCards
                | Self::ElectronicCash
                | Self::ExpiredBalances
                | Self::TransfersInTransit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_are_in_order() {
        assert!(Account::ALL.is_sorted());
        for account in Account::ALL {
            assert_eq!(Account::from_number(account.number()), Some(*account));
        }
        assert_eq!(Account::from_number(9999), None);
    }
}

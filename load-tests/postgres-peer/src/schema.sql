-- The books of a prepaid card as PostgreSQL would keep them: one row a card, one row a decision, and one
-- procedure that does in one transaction what the switch does for a purchase and a balance inquiry.

-- By the keyed hash of the card number. Room on each page, so that a new balance needs no new index entry.
CREATE TABLE cards (
    pan_hash bytea PRIMARY KEY,
    balance  bigint NOT NULL CHECK (balance >= 0),
    version  integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The journal, which is also the memory of answers: a request is known by terminal, batch and trace.
-- The three postings of an entry add up to nothing.
CREATE TABLE journal (
    terminal integer NOT NULL,
    batch    integer NOT NULL,
    trace    integer NOT NULL,
    pan_hash bytea NOT NULL,
    version  integer NOT NULL,
    decided  timestamptz NOT NULL DEFAULT now(),
    amount   bigint NOT NULL,
    code     text NOT NULL,
    of_card     bigint NOT NULL,
    of_merchant bigint NOT NULL,
    of_fees     bigint NOT NULL,
    balance  bigint NOT NULL,
    PRIMARY KEY (terminal, batch, trace),
    CHECK (of_card + of_merchant + of_fees = 0)
);

CREATE FUNCTION pay(
    is_purchase boolean, p_pan_hash bytea, p_amount bigint, p_terminal integer, p_batch integer, p_trace integer,
    OUT code text, OUT version integer, OUT balance bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    earlier journal%ROWTYPE;
    fee bigint := 0;
    booked bigint := 0;
BEGIN
    IF NOT is_purchase THEN
        SELECT '00', cards.version, cards.balance INTO code, version, balance
            FROM cards WHERE pan_hash = p_pan_hash;
        IF NOT FOUND THEN
            code := '14';
        END IF;
        RETURN;
    END IF;

    -- The same request again is answered again; its key with other content is an error of the terminal.
    SELECT * INTO earlier FROM journal
        WHERE terminal = p_terminal AND batch = p_batch AND trace = p_trace;
    IF FOUND THEN
        IF earlier.amount = p_amount AND earlier.pan_hash = p_pan_hash THEN
            code := earlier.code;
        ELSE
            code := '94';
        END IF;
        version := earlier.version;
        balance := earlier.balance;
        RETURN;
    END IF;

    UPDATE cards SET balance = cards.balance - p_amount, version = cards.version + 1
        WHERE pan_hash = p_pan_hash AND cards.balance >= p_amount
        RETURNING '00', cards.version, cards.balance INTO code, version, balance;
    IF FOUND THEN
        booked := p_amount;
        fee := least((p_amount * 3800 + 500000) / 1000000, 2600);
    ELSE
        -- A refusal is remembered too.
        UPDATE cards SET version = cards.version + 1 WHERE pan_hash = p_pan_hash
            RETURNING '51', cards.version, cards.balance INTO code, version, balance;
        IF NOT FOUND THEN
            code := '14';
            RETURN;
        END IF;
    END IF;
    INSERT INTO journal (terminal, batch, trace, pan_hash, version, amount, code, of_card, of_merchant, of_fees, balance)
        VALUES (p_terminal, p_batch, p_trace, p_pan_hash, version, p_amount, code,
            -booked, booked - fee, fee, balance);
END
$$;

"""A plausible contact centre, for trying, showing and loading Tafol: seeded, so that one configuration means one set of
bytes whatever the speed; with a ledger, so that the pipeline's counts can be held against what was really sent.

    config        what is simulated, and what the pipeline's frame makes of it
    chance        randomness as a function of the seed and a name
    centre        sites, teams, colleagues, what customers and colleagues are told
    quality       how well a transaction was really handled, from its fields alone
    arrivals      when customers come, by channel, weekday and hour
    transactions  what happens then; conversation puts words to a chat (phrases/*.yaml)
    disorder      missing notices, repeats, late events, bad events, each with what must become of it
    stream        all of it in the order of sending; load makes events by the thousand a second
    ledger        what was sent and what must become of it
    pace          when each event goes out
    reviewers     people who review, some severe, some noisy; ratings are theirs by criterion
    kafka_edge    the only module that talks to a broker
"""

"""The review desk: where people take selected transactions from queues and score them (D13-1, 4, 5, 8, 9, 10).

The reference implementation of a contract of two topics: `review-tasks` in, `reviews` out. Another tool may take its
place, or work through its API.

    rules      pure: leases, order, eligibility, overlap, dues, what a draft lacks
    store      tables, migrations, transactions; SQLite for one process, PostgreSQL for more
    people     accounts, roles and the one table of who may do what, passwords, sessions, tokens, OIDC
    services   what pages and API call; every method checks the actor's right itself
    api        JSON for other tools, with tokens
    web        pages
    intake     review-tasks, transactions and registers from Kafka into the store
    outbox     reviews from the store to Kafka
    audit      the append-only, hash-chained trail
"""

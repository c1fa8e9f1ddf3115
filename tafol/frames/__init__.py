"""Tools around the sampling frame: for the people who write one, agree it, trust it and defend it.

    sources      a frame, from a file or from the register
    life         which published frame is active, coming, retired, void
    words        conditions, draws, caps and routes in plain English
    differences  two frames compared, in sentences
    cover        what conditions leave for others: pure logic
    check        warnings about a frame that is valid and yet not what was meant
    redraw       the frame's decision about a stored transaction, made again
    verify       all decisions of a period made again, and compared
    explain      one decision made again, step by step
    trial        what a frame would have drawn from stored transactions
    precision    how exact a sample is, and how to share out a sample (Neyman)
    plan         reviewer hours in, rates out
    keys         signing what was agreed

Everything but `sources` and `keys` is pure or asks a store that is passed in.
"""

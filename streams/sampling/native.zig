//! The sample stage's work on bytes, many records a call: checking a transaction's JSON, its digests, pseudonym and draw
//! number, and writing lines. Called by native.py; what is decided, and by which rule, stands in Python.
//!
//! `tafol_scan` takes what is plainly valid: known fields once each, texts without escapes, times and numbers as people
//! and machines usually write them. Whatever else comes is "odd", which says nothing about its validity: the model
//! judges it. So a doubt costs time, never a verdict. tests/unit/sampling/test_columns.py holds the two together.
//!
//! Built with bounds and overflows checked (ReleaseSafe). Nothing here allocates, and nothing is kept between calls.

const std = @import("std");
const batches = @import("native_batches.zig");
const lines = @import("native_lines.zig");
const transaction = @import("native_transaction.zig");

const Field = transaction.Field;
const Part = lines.Part;
const Span = transaction.Span;
const field_count = transaction.field_count;
const textOf = transaction.textOf;
const time_count = transaction.time_count;

const Blake2b64 = std.crypto.hash.blake2.Blake2b(64);
const Sha256 = std.crypto.hash.sha2.Sha256;
const SipHash = std.crypto.auth.siphash.SipHash64(1, 3);

/// Raised with every change of what the functions below take or give; native.py asks for it.
const interface_version: u32 = 3;

export fn tafol_interface_version() callconv(.c) u32 {
    return interface_version;
}

/// How many records are in the bytes of a fetch (native_batches.zig), or -1 where it does not know how to read them.
export fn tafol_record_count(data: [*]const u8, data_len: usize) callconv(.c) i64 {
    return @intCast(batches.count(data[0..data_len]) catch return -1);
}

/// Finds these records: `table` has seven columns of `count` each. Returns 0, or -1 where it does not know how to.
export fn tafol_records(data: [*]const u8, data_len: usize, table: [*]i64, count: usize) callconv(.c) i64 {
    batches.read(data[0..data_len], .{
        .offsets = table[0..count],
        .timestamps_ms = table[count .. 2 * count],
        .key_starts = table[2 * count .. 3 * count],
        .key_lens = table[3 * count .. 4 * count],
        .value_starts = table[4 * count .. 5 * count],
        .value_lens = table[5 * count .. 6 * count],
        .header_starts = table[6 * count .. 7 * count],
    }) catch return -1;
    return 0;
}

/// Looks at `count` values in `data`, and at their keys, each given by start and length; a negative length: there is
/// none. For each: plain[n] = 1 when it is plainly valid and of `channel` and its key, if any, is its id; only then do
/// its spans, times, lines, bits and digests (SHA-256: of the id two words, of the value one, little-endian) say
/// anything. Of `times` each kind of time has `count` in a row.
export fn tafol_scan(
    data: [*]const u8,
    data_len: usize,
    key_starts: [*]const i64,
    key_lens: [*]const i64,
    value_starts: [*]const i64,
    value_lens: [*]const i64,
    count: usize,
    channel: [*]const u8,
    channel_len: usize,
    plain: [*]u8,
    spans: [*][field_count]Span,
    times: [*]i64,
    chat_lines: [*]i64,
    bits: [*]i64,
    id_digests: [*][2]u64,
    content_digests: [*]u64,
) callconv(.c) void {
    const whole = data[0..data_len];
    var habit = transaction.Habit{};
    for (0..count) |n| {
        const value = partOf(whole, value_starts[n], @max(value_lens[n], 0));
        var row_times: [time_count]i64 = undefined;
        const row = transaction.Row{ .spans = &spans[n], .times = &row_times, .chat_lines = &chat_lines[n], .bits = &bits[n] };
        plain[n] = 0;
        transaction.scanRecord(whole, value, channel[0..channel_len], row, &habit) catch continue;
        for (row_times, 0..) |time_us, which| times[which * count + n] = time_us;
        const id = textOf(whole, spans[n][@intFromEnum(Field.id)]);
        if (key_lens[n] >= 0 and !std.mem.eql(u8, id, partOf(whole, key_starts[n], key_lens[n]))) continue;
        var digest: [Sha256.digest_length]u8 = undefined;
        Sha256.hash(id, &digest, .{});
        id_digests[n] = .{ std.mem.readInt(u64, digest[0..8], .little), std.mem.readInt(u64, digest[8..16], .little) };
        Sha256.hash(value, &digest, .{});
        content_digests[n] = std.mem.readInt(u64, digest[0..8], .little);
        plain[n] = 1;
    }
}

fn partOf(whole: []const u8, start: i64, len: i64) []const u8 {
    return whole[@intCast(start)..][0..@intCast(len)];
}

/// HMAC-SHA256 of each customer reference, its first 16 bytes as hex. `inner` and `outer`: the key's two padded blocks.
export fn tafol_pseudonyms(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    count: usize,
    inner: *const [64]u8,
    outer: *const [64]u8,
    pseudonyms: [*][32]u8,
) callconv(.c) void {
    const whole = data[0..data_len];
    var keyed_inner = Sha256.init(.{});
    keyed_inner.update(inner);
    var keyed_outer = Sha256.init(.{});
    keyed_outer.update(outer);
    for (0..count) |n| {
        var hash = keyed_inner;
        hash.update(textOf(whole, spans[n][@intFromEnum(Field.customer_ref)]));
        const within = hash.finalResult();
        hash = keyed_outer;
        hash.update(&within);
        const digest = hash.finalResult();
        pseudonyms[n] = std.fmt.bytesToHex(digest[0..16].*, .lower);
    }
}

/// Draw numbers (schemas.draw_number) of the records `rows` under one keyed prefix.
export fn tafol_draw(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    rows: [*]const i64,
    row_count: usize,
    seed: *const [32]u8,
    person: *const [16]u8,
    prefix: [*]const u8,
    prefix_len: usize,
    numbers: [*]u64,
) callconv(.c) void {
    const whole = data[0..data_len];
    var keyed = Blake2b64.init(.{ .key = seed, .context = person.* });
    keyed.update(prefix[0..prefix_len]);
    const wanted = rows[0..row_count];
    for (wanted, 0..) |row, at| {
        // The rows of a stratum lie far apart: what the next ones need is fetched from memory meanwhile (twice as quick).
        if (at + 8 < row_count) @prefetch(&spans[@intCast(wanted[at + 8])], .{});
        if (at + 4 < row_count) @prefetch(&data[spans[@intCast(wanted[at + 4])][@intFromEnum(Field.id)].start], .{});
        const n: usize = @intCast(row);
        const id = textOf(whole, spans[n][@intFromEnum(Field.id)]);
        var length: [4]u8 = undefined;
        std.mem.writeInt(u32, &length, @intCast(id.len), .big);
        var hash = keyed;
        hash.update(&length);
        hash.update(id);
        var digest: [8]u8 = undefined;
        hash.final(&digest);
        numbers[n] = std.mem.readInt(u64, &digest, .big);
    }
}

/// The partition, of `partitions`, that Kafka's default partitioner gives to the key `prefix` with field `field` behind it
/// (nothing when negative), for each of `rows`.
export fn tafol_homes(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    rows: [*]const i64,
    row_count: usize,
    prefix: [*]const u8,
    prefix_len: usize,
    field: i32,
    partitions: u32,
    homes: [*]i64,
) callconv(.c) void {
    const whole = data[0..data_len];
    var key: [longest_key]u8 = undefined;
    @memcpy(key[0..prefix_len], prefix[0..prefix_len]);
    for (rows[0..row_count]) |row| {
        const n: usize = @intCast(row);
        var key_len = prefix_len;
        if (field >= 0) {
            const text = textOf(whole, spans[n][@intCast(field)]);
            @memcpy(key[key_len..][0..text.len], text);
            key_len += text.len;
        }
        homes[n] = (std.hash.Murmur2_32.hashWithSeed(key[0..key_len], 0x9747b28c) & 0x7fffffff) % partitions;
    }
}

/// Bytes of a unit's key: native.py refuses longer prefixes.
const longest_key = 4096;

/// A keyed hash of the texts `fields` and the numbers of the `column_count` columns of each record, so that records alike
/// in all of them are found alike.
export fn tafol_alike(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    count: usize,
    fields: [*]const u8,
    fields_len: usize,
    columns: [*]const [*]const i64,
    column_count: usize,
    key: *const [16]u8,
    hashes: [*]u64,
) callconv(.c) void {
    const whole = data[0..data_len];
    for (0..count) |n| {
        var hash = SipHash.init(key);
        for (fields[0..fields_len]) |field| {
            const span = spans[n][field];
            hash.update(std.mem.asBytes(&span.len));
            hash.update(textOf(whole, span));
        }
        for (columns[0..column_count]) |column| hash.update(std.mem.asBytes(&column[n]));
        hashes[n] = hash.finalInt();
    }
}

/// Writes one line for each of `rows` as `parts` say, into `out`. Returns the bytes written, or -1 when `out` is
/// too small.
export fn tafol_lines(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    pseudonyms: [*]const [32]u8,
    rows: [*]const i64,
    row_count: usize,
    parts: [*]const Part,
    part_count: usize,
    constants: [*]const u8,
    constant_starts: [*]const u64,
    columns: [*]const [*]const i64,
    out: [*]u8,
    out_len: usize,
) callconv(.c) i64 {
    const whole = data[0..data_len];
    var writer = lines.Writer{ .out = out[0..out_len] };
    for (rows[0..row_count]) |row| {
        const n: usize = @intCast(row);
        for (parts[0..part_count]) |part| {
            const a: usize = @intCast(part.a);
            switch (part.kind) {
                Part.constant => writer.put(constants[constant_starts[a]..constant_starts[a + 1]]),
                Part.text => writer.quoted(textOf(whole, spans[n][a])),
                Part.time => lines.writeTime(&writer, columns[a][n]),
                Part.pseudonym => writer.quoted(&pseudonyms[n]),
                Part.integer => lines.writeNumber(&writer, columns[a][n]),
                Part.unsigned => {
                    if (columns[@intCast(part.b)][n] == 0) writer.put("null") else lines.writeNumber(&writer, @as(u64, @bitCast(columns[a][n])));
                },
                Part.choice => {
                    const which: usize = @intCast(columns[a][n]);
                    writer.put(constants[constant_starts[which]..constant_starts[which + 1]]);
                },
                Part.decimal => lines.writeDecimal(&writer, textOf(whole, spans[n][a])),
                Part.list => lines.writeList(&writer, textOf(whole, spans[n][a])),
                Part.texts => lines.writeTexts(&writer, textOf(whole, spans[n][a])),
                Part.bare => if (columns[a][n] >= 0) writer.put(textOf(whole, spans[n][@intCast(columns[a][n])])),
                Part.bare_field => writer.put(textOf(whole, spans[n][a])),
                else => return -2,
            }
        }
    }
    return if (writer.full) -1 else @intCast(writer.at);
}

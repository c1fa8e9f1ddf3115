//! The records of a fetch, by where they stand in its bytes: Kafka's record batches (magic 2), as long as they are not
//! compressed. What is cut off at the end of a fetch is left for the next one.

const std = @import("std");

pub const Odd = error{Odd};

/// Columns of n records each; lengths are negative for what is absent.
pub const Table = struct {
    offsets: []i64,
    timestamps_ms: []i64,
    key_starts: []i64,
    key_lens: []i64,
    value_starts: []i64,
    value_lens: []i64,
    header_starts: []i64,
};

const header_bytes = 61;
/// Of a record: seven numbers of one byte.
const least_bytes = 7;
const compressed: i16 = 0x07;
const append_time: i16 = 0x08;
const control: i16 = 0x20;

/// How many records are in the bytes of a fetch.
pub fn count(data: []const u8) Odd!usize {
    var found: usize = 0;
    var batches = Batches{ .data = data };
    while (try batches.next()) |batch| found += batch.count;
    return found;
}

/// Fills `table` from the front, as far as it goes.
pub fn read(data: []const u8, table: Table) Odd!void {
    var found: usize = 0;
    var batches = Batches{ .data = data };
    while (try batches.next()) |batch| {
        if (batch.count > table.offsets.len - found) return error.Odd;
        var records = batch.records;
        for (found..found + batch.count) |n| try readRecord(batch, &records, table, n);
        found += batch.count;
    }
}

fn readRecord(batch: Batch, reader: *Reader, table: Table, n: usize) Odd!void {
    const len = try size(try reader.number());
    const end = reader.at + len;
    if (len > reader.data.len - reader.at) return error.Odd;
    _ = try reader.take(1); // attributes, of which there are none
    const since_ms = try reader.number();
    table.timestamps_ms[n] = batch.append_ms orelse batch.first_ms +% since_ms;
    table.offsets[n] = batch.base_offset +% try reader.number();
    table.key_starts[n], table.key_lens[n] = try reader.text();
    table.value_starts[n], table.value_lens[n] = try reader.text();
    table.header_starts[n] = @intCast(reader.at);
    if (reader.at > end) return error.Odd;
    reader.at = end;
}

const Batch = struct {
    base_offset: i64,
    first_ms: i64,
    /// Of all its records, where the broker gives them their time.
    append_ms: ?i64,
    count: usize,
    records: Reader,
};

/// The batches of a fetch that hold records; those in which the broker marks transactions are passed over.
const Batches = struct {
    data: []const u8,
    at: usize = 0,

    fn next(self: *Batches) Odd!?Batch {
        while (self.data.len - self.at >= header_bytes) {
            var header = Reader{ .data = self.data, .at = self.at };
            const base_offset = try header.big(i64);
            const len = try size(try header.big(i32));
            if (len > self.data.len - header.at) return null;
            const end = header.at + len;
            header.data = self.data[0..end];
            _ = try header.take(4); // the leader's epoch
            if (try header.big(i8) != 2) return error.Odd;
            _ = try header.take(4); // the checksum, which was looked at before
            const attributes = try header.big(i16);
            _ = try header.take(4);
            const first_ms = try header.big(i64);
            const last_ms = try header.big(i64);
            _ = try header.take(14); // the producer and its sequence
            const records = try size(try header.big(i32));
            self.at = end;
            if (attributes & control != 0) continue;
            if (attributes & compressed != 0 or records > (end - header.at) / least_bytes) return error.Odd;
            return .{
                .base_offset = base_offset,
                .first_ms = first_ms,
                .append_ms = if (attributes & append_time != 0) last_ms else null,
                .count = records,
                .records = header,
            };
        }
        return null;
    }
};

fn size(number: anytype) Odd!usize {
    return std.math.cast(usize, number) orelse error.Odd;
}

const Reader = struct {
    data: []const u8,
    at: usize,

    fn take(self: *Reader, len: usize) Odd![]const u8 {
        if (len > self.data.len - self.at) return error.Odd;
        defer self.at += len;
        return self.data[self.at..][0..len];
    }

    fn big(self: *Reader, comptime Number: type) Odd!Number {
        const bytes = @sizeOf(Number);
        return std.mem.readInt(Number, (try self.take(bytes))[0..bytes], .big);
    }

    /// Start and length of a text with its length before it; a negative length: there is none.
    fn text(self: *Reader) Odd!struct { i64, i64 } {
        const len = try self.number();
        const start = self.at;
        if (len > 0) _ = try self.take(try size(len));
        return .{ @intCast(start), len };
    }

    /// A zigzag varint.
    fn number(self: *Reader) Odd!i64 {
        var folded: u64 = 0;
        var shift: u32 = 0;
        while (shift < 64) : (shift += 7) {
            const byte = (try self.take(1))[0];
            folded |= @as(u64, byte & 0x7f) << @intCast(shift);
            if (byte < 0x80) return @as(i64, @bitCast(folded >> 1)) ^ -@as(i64, @intCast(folded & 1));
        }
        return error.Odd;
    }
};

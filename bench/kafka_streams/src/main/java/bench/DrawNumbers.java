package bench;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.bouncycastle.crypto.digests.Blake2bDigest;

/**
 * The draw numbers of one stratum: BLAKE2b, 8 bytes, keyed with the frame's seed, over frame id, version, stratum and
 * transaction id, each with a 4-byte big-endian length before it (schemas/draw_number.py).
 */
final class DrawNumbers {
    private static final byte[] PURPOSE = "tafol-draw".getBytes(StandardCharsets.US_ASCII);
    private static final int PERSON_BYTES = 16;
    private static final int NUMBER_BYTES = 8;

    /** State over everything but the transaction id, copied for each number. */
    private final Blake2bDigest base;

    DrawNumbers(byte[] seed, String frameId, int version, String stratum) {
        byte[] person = new byte[PERSON_BYTES];
        System.arraycopy(PURPOSE, 0, person, 0, PURPOSE.length);
        base = new Blake2bDigest(seed, NUMBER_BYTES, null, person);
        ByteArrayOutputStream parts = new ByteArrayOutputStream();
        for (String part : new String[] {frameId, Integer.toString(version), stratum}) {
            parts.writeBytes(withLength(part));
        }
        byte[] prefix = parts.toByteArray();
        base.update(prefix, 0, prefix.length);
    }

    /** An unsigned 64-bit integer: compare with Long.compareUnsigned. */
    long of(String transactionId) {
        Blake2bDigest state = new Blake2bDigest(base);
        byte[] part = withLength(transactionId);
        state.update(part, 0, part.length);
        byte[] number = new byte[NUMBER_BYTES];
        state.doFinal(number, 0);
        return ByteBuffer.wrap(number).getLong();
    }

    private static byte[] withLength(String part) {
        byte[] raw = part.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(4 + raw.length).putInt(raw.length).put(raw).array();
    }
}

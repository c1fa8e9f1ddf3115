package bench;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The sampling job on Kafka Streams: stratum by team, keyed draw, counts in an in-memory store with its changelog,
 * selected calls to a topic.
 *
 * <p>Arguments: bootstrap, application id, source topic, target topic, events, frame id, version, seed (hex), threshold
 * (unsigned), state folder, and a file with a line "team stratum" for each team. Prints one JSON line as the others do.
 */
public final class Sample {
    private static final String COUNTS = "counts";

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Call(@JsonProperty("id") String id, @JsonProperty("team_id") String teamId,
                @JsonProperty("channel") String channel) {}

    /** Reads, counts and draws; one partition, so one of it does all the work. */
    static final class Draw implements Processor<byte[], byte[], byte[], byte[]> {
        private final ObjectReader calls = new ObjectMapper().readerFor(Call.class);
        private final Map<String, String> stratumOf;
        private final Map<String, DrawNumbers> numbers;
        private final long threshold;
        private final long events;
        private final CountDownLatch done;
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<String, Long> counts;
        private long read;
        static volatile long selected;
        static volatile long begunNs;
        static volatile long begunCpuNs;

        Draw(Map<String, String> stratumOf, Map<String, DrawNumbers> numbers, long threshold, long events,
             CountDownLatch done) {
            this.stratumOf = stratumOf;
            this.numbers = numbers;
            this.threshold = threshold;
            this.events = events;
            this.done = done;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.counts = context.getStateStore(COUNTS);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            if (read == 0) {
                begunCpuNs = cpuNs();
                begunNs = System.nanoTime();
            }
            Call call;
            try {
                call = calls.readValue(record.value());
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            String stratum = stratumOf.get(call.teamId());
            Long before = counts.get(stratum);
            counts.put(stratum, before == null ? 1L : before + 1L);
            if (Long.compareUnsigned(numbers.get(stratum).of(call.id()), threshold) < 0) {
                selected++;
                context.forward(record);
            }
            if (++read == events) {
                done.countDown();
            }
        }
    }

    public static void main(String[] given) throws Exception {
        Map<String, String> stratumOf = new HashMap<>();
        Map<String, DrawNumbers> numbers = new HashMap<>();
        byte[] seed = HexFormat.of().parseHex(given[7]);
        for (String line : Files.readAllLines(Path.of(given[10]))) {
            String[] pair = line.split(" ");
            stratumOf.put(pair[0], pair[1]);
            numbers.computeIfAbsent(
                pair[1], stratum -> new DrawNumbers(seed, given[5], Integer.parseInt(given[6]), stratum));
        }
        long events = Long.parseLong(given[4]);
        CountDownLatch done = new CountDownLatch(1);
        Topology topology = new Topology();
        topology.addSource("source", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), given[2]);
        topology.addProcessor(
            "draw",
            () -> new Draw(stratumOf, numbers, Long.parseUnsignedLong(given[8]), events, done),
            "source");
        topology.addStateStore(
            Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(COUNTS), Serdes.String(), Serdes.Long()).withCachingEnabled(),
            "draw");
        topology.addSink("target", given[3], Serdes.ByteArray().serializer(), Serdes.ByteArray().serializer(), "draw");

        try (KafkaStreams streams = new KafkaStreams(topology, settings(given))) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
                return null;
            });
            streams.start();
            done.await();
            // Closing flushes the producer, the store's changelog and the offsets: part of the work, as for the others.
            streams.close();
        }
        double seconds = (System.nanoTime() - Draw.begunNs) / 1e9;
        double cpuS = (cpuNs() - Draw.begunCpuNs) / 1e9;
        System.out.printf(
            Locale.ROOT,
            "{\"events\": %d, \"seconds\": %.6f, \"cpu_s\": %.6f, \"selected\": %d, \"peak_rss_mb\": %.1f}%n",
            events, seconds, cpuS, Draw.selected, peakRssMb());
    }

    private static Properties settings(String[] given) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given[9]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10_000);
        settings.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 16 * 1024 * 1024);
        settings.put(StreamsConfig.consumerPrefix("fetch.max.bytes"), 64 * 1024 * 1024);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 20);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
        return settings;
    }

    private static long cpuNs() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static double peakRssMb() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
            }
        }
        return 0.0;
    }

    private Sample() {}
}

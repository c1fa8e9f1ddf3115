"""The pipeline: pure stages (`sampling`, `scoring`), the batch transport under Faust, the thin edge between them."""

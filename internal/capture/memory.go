package capture

// What a listener has to be given so that it stays below 256 MiB whatever is
// sent at once, measured with bodies of 25 MiB: storing one takes about three
// times its size besides the body itself.
const (
	// BodyMemory is how much of bodies may be in memory in all.
	BodyMemory = 64 << 20
	// HeapLimit is what the runtime is told to keep the heap below
	// (debug.SetMemoryLimit).
	HeapLimit = 128 << 20
)

package undo

// budget bounds the work for one content. It counts octets hashed, and for other work as many
// octets as could be hashed in that time, so that it does not depend on the clock.
type budget struct {
	spent, limit int64
}

// Passes is how often the content may be hashed, and content below 1 MiB as often as gives 256 MiB.
const (
	maxPasses = 256
	minLimit  = 256 << 20
)

// What is counted for an octet: of an encoding that is undone or made, of text that is searched for
// a pattern, of content that is read as MIME, of content that is copied (one for many), and for any
// attempt, any range that is replaced and any field that is rewritten.
const (
	codingCost  = 2
	patternCost = 8
	parsingCost = 2
	copyShare   = 8
	attemptCost = 512
	spliceCost  = 64
	fieldCost   = 128
)

// Budget is what the searches for the contents of one message may cost together: what one of them
// may without it. The zero value is full.
type Budget struct {
	// Searches is how many are still to come. Each has an equal share of what is left, and counts
	// itself off.
	Searches int
	spent    int64
}

// share is what the next search may cost, of what it may alone.
func (b *Budget) share(alone int64) int64 {
	n := int64(max(1, b.Searches))
	b.Searches--
	return max(0, alone-b.spent) / n
}

func newBudget(size int) *budget { return &budget{limit: max(minLimit, maxPasses*int64(size))} }

func (b *budget) spend(n int64) { b.spent += n }

// copied counts octets that are copied or compared.
func (b *budget) copied(n int) { b.spend(int64(n) / copyShare) }

func (b *budget) exhausted() bool { return b.spent >= b.limit }

// portion runs search with a part of what is left, 1/share, and reports what it did.
func (b *budget) portion(share int64, search func() bool) bool {
	limit := b.limit
	b.limit = b.spent + max(0, limit-b.spent)/share
	found := search()
	b.limit = limit
	return found
}

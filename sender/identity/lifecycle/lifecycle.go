// Package lifecycle decides what is done next with the keys and records of one identity:
//
//	new -> published -> active -> next published -> switched -> old kept or withdrawn
//
// and revoked. [Next] is a pure function of the state (the keys in the folder, what is remembered),
// of what the name servers show, and of the time; it uses no files, no network and no clock. It
// returns one [Step]: the caller makes it, reads the DNS again, and calls Next again.
//
// What keeps mail verifying at every moment:
//
//   - A key signs only after every name server shows its record, and after every cache has lost
//     the answers from before: a cache keeps an RRset for its TTL, and the answer that there is
//     none for the negative TTL (RFC 2308, Section 5). The time runs from the moment when the
//     last name server was seen to show the record; if one stops showing it the time begins
//     again. [Margin] is added.
//   - A record is withdrawn only after another key signs, and after mail that the old key signed
//     has had time to arrive.
//   - A key whose record is to be withdrawn stops signing first.
//   - The TTL of an RRset is never made shorter while a key waits for its record to be everywhere.
//
// RFC 7671, Section 8.1, speaks of two TTLs, because there the secondaries are not looked at. Here
// each is asked, so that one TTL is enough.
//
// The other keys of a name ([Beside]) are rolled over in the same way, each by itself. The record
// of one for encryption is needed no more when caches have that of the next one: others encrypt to
// either, and its private key stays. That of an ML-DSA key stays until mail under way has arrived.
// Nothing is published of them where the name is not.
//
// An identity without a record of its own can be published by that of its CA ([ByCA]): at "_user"
// of the domain, or of a wildcard. A next key of the same CA then signs at once, because the record
// vouches for it already. One that needs a record of its own is published together with the active
// key, for which the CA's record counts no more from then on. A revoked key stays accepted by
// others ([CodeVouched]).
//
// The memory ([Memory]) can be lost: what the keys and the DNS tell is told again, times begin
// again (a wait takes longer, never shorter), and what only a person can say, such as whether an
// old record is kept, waits until it is said again.
//
// A clock that is late for a while, or by which no signature is valid, ends no wait early: a time
// of the memory that lies in the future begins again, and so do all when the clock has come to it.
//
// state.go has the state, beside.go the other keys, memory.go its file form, clock.go what a wrong
// clock wrote, seen.go what the DNS shows, next.go and withdraw.go the decision, step.go its form,
// trouble.go what can be wrong.
//
// # Limitations
//
// It cannot see a name server that is in no NS record, nor the instances of one address (anycast):
// they must be as fast as the others. A clock that jumps forward, and by which signatures are valid
// all the same, ends waits early. An RRset that somebody else made and whose TTL he made shorter a
// moment ago may be in caches for longer than Next knows. So may one whose TTL Next made shorter,
// where the memory was lost after that: nothing in the DNS tells the longer TTL, so wait for it
// before a rollover. So may one that was withdrawn a moment ago, and not by Next, for a record of
// the CA to count.
package lifecycle

import "time"

// Margin is added to a time in caches: a tenth for servers behind one address, and two seconds
// because caches count whole seconds and keep what was on its way.
func Margin(hold time.Duration) time.Duration {
	return min(hold/10, 5*time.Minute) + 2*time.Second
}

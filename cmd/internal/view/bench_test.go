package view

import "testing"

// BenchmarkDrop drops an mbox of 1,000 messages.
func BenchmarkDrop(b *testing.B) {
	a := newAuthor(b)
	var all [][]byte
	for letter := a.letter(b, "Invoice", "text"); len(all) < 1000; {
		all = append(all, letter)
	}
	box := mbox(all...)
	s := open(b, a, Limits{})
	for b.Loop() {
		d, err := s.enqueue(uploads(b, file{"big.mbox", box}))
		must(b, err)
		<-d.done
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "messages/s")
}

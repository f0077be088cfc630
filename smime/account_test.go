package smime

import (
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// A plan that would lose something is not carried out.
func TestAccountFinds(t *testing.T) {
	t.Parallel()
	around := "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\nfirst word\r\n--m\r\n\r\nx \r\n--m--\r\nlast word\r\n"
	for _, c := range []struct {
		name, msg string
		do        func(root *part, plan Plan)
	}{
		{"text around the parts", around, func(root *part, plan Plan) { plan[root] = step{todo: reframe} }},
		{"an epilogue", strings.Replace(around, "first word\r\n", "", 1), func(root *part, plan Plan) { plan[root] = step{todo: reframe} }},
		{"a part", mixed("\r\nx \r\n", "\r\ny \r\n"), func(root *part, _ Plan) { root.kids = root.kids[:1] }},
		{"a part before others", mixed("\r\nx \r\n", "\r\ny \r\n"), func(root *part, _ Plan) { root.kids = root.kids[1:] }},
		{"the end", mixed("\r\nx \r\n"), func(root *part, plan Plan) { plan[root], root.end = step{todo: descend}, root.end-3 }},
		{"the end of a part", mixed("\r\nx \r\n"), func(root *part, _ Plan) { root.kids[0].end -= 4 }},
		{"the beginning of a part", mixed("\r\nx \r\n"), func(root *part, _ Plan) { root.kids[0].start += 3 }},
		{"parts where none are", mixed("\r\nx \r\n"), func(root *part, _ Plan) { root.kids = nil }},
	} {
		m := mustRead(t, c.msg)
		opts := SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}
		s := &signing{ctx: t.Context(), m: m, src: m.Open(), opts: opts}
		if err := s.prepare(); err != nil {
			t.Fatal(err)
		}
		c.do(s.root, s.plan)
		w := message.NewSpool(0)
		e := emitter{ctx: s.ctx, src: s.src, w: w, plan: s.plan}
		if err := e.content(s.root, m.Size()); !errors.Is(err, ErrSelfCheck) {
			t.Errorf("%s: %v, want %v", c.name, err, ErrSelfCheck)
		}
		w.Close()
	}
}

package smime

import (
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// A plan that would lose something is not carried out.
func TestAccountFinds(t *testing.T) {
	t.Parallel()
	around := "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\nfirst word\r\n--m\r\n\r\nx \r\n--m--\r\nlast word\r\n"
	for _, c := range []struct {
		name, msg string
		do        func(root *entity.Part, plan transit.Plan)
	}{
		{"text around the parts", around, func(root *entity.Part, plan transit.Plan) { plan[root] = transit.Step{Todo: transit.Reframe} }},
		{"an epilogue", strings.Replace(around, "first word\r\n", "", 1), func(root *entity.Part, plan transit.Plan) { plan[root] = transit.Step{Todo: transit.Reframe} }},
		{"a part", mixed("\r\nx \r\n", "\r\ny \r\n"), func(root *entity.Part, _ transit.Plan) { root.Kids = root.Kids[:1] }},
		{"a part before others", mixed("\r\nx \r\n", "\r\ny \r\n"), func(root *entity.Part, _ transit.Plan) { root.Kids = root.Kids[1:] }},
		{"the end", mixed("\r\nx \r\n"), func(root *entity.Part, plan transit.Plan) {
			plan[root], root.End = transit.Step{Todo: transit.Descend}, root.End-3
		}},
		{"the end of a part", mixed("\r\nx \r\n"), func(root *entity.Part, _ transit.Plan) { root.Kids[0].End -= 4 }},
		{"the beginning of a part", mixed("\r\nx \r\n"), func(root *entity.Part, _ transit.Plan) { root.Kids[0].Start += 3 }},
		{"parts where none are", mixed("\r\nx \r\n"), func(root *entity.Part, _ transit.Plan) { root.Kids = nil }},
	} {
		m := mustRead(t, c.msg)
		opts := SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}
		s := &signing{ctx: t.Context(), m: m, src: m.Open(), opts: opts}
		if err := s.prepare(); err != nil {
			t.Fatal(err)
		}
		c.do(s.root, s.plan)
		w := message.NewSpool(0)
		e := transit.Emitter{Ctx: s.ctx, Src: s.src, W: w, Plan: s.plan}
		if err := e.Content(s.root, m.Size()); !errors.Is(err, ErrSelfCheck) {
			t.Errorf("%s: %v, want %v", c.name, err, ErrSelfCheck)
		}
		w.Close()
	}
}

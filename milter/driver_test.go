//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// driver is one MTA connection under load. Like Postfix it writes to a buffer
// that is sent when an answer is needed.
type driver struct {
	conn  net.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	steps uint32
}

// Steps of the negotiation: events not wanted and replies not sent.
const (
	stepNoEOH, stepNoData       = 1 << 6, 1 << 9
	stepNRHeader, stepNRConnect = 1 << 7, 1 << 12
	stepNRHelo, stepNRMail      = 1 << 13, 1 << 14
	stepNRRcpt, stepNRData      = 1 << 15, 1 << 16
	stepNREOH, stepNRBody       = 1 << 18, 1 << 19
	stepNoHelo, stepNoRcpt      = 1 << 1, 1 << 3
)

// newDriver connects and says hello.
func newDriver(path string) (*driver, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	d := &driver{conn: c, in: bufio.NewReaderSize(c, 64<<10), out: bufio.NewWriterSize(c, 64<<10)}
	if _, err = d.out.Write(optneg(6, 0x1ff, 0x1fffff)); err != nil {
		return nil, err
	}
	cmd, data, err := d.answer()
	if err != nil {
		return nil, err
	}
	if cmd != 'O' || len(data) < 12 {
		return nil, fmt.Errorf("the negotiation was answered by %q %q", cmd, data)
	}
	d.steps = binary.BigEndian.Uint32(data[8:])
	if err := d.event(frame('C', "client.example\x004\x09\xdd192.0.2.7\x00"), 0, stepNRConnect); err != nil {
		return nil, err
	}
	return d, d.event(frame('H', "client.example\x00"), stepNoHelo, stepNRHelo)
}

// event sends a frame unless it is not wanted, and waits for its answer unless there is none.
func (d *driver) event(f []byte, unwanted, silent uint32) error {
	if d.steps&unwanted != 0 {
		return nil
	}
	if _, err := d.out.Write(f); err != nil {
		return err
	}
	if d.steps&silent != 0 {
		return nil
	}
	cmd, data, err := d.answer()
	if err == nil && cmd != 'c' && cmd != 's' {
		err = fmt.Errorf("answer %q %q to %q", cmd, data, f[4])
	}
	return err
}

// answer sends what is buffered and reads one frame that is no progress report.
func (d *driver) answer() (byte, []byte, error) {
	if err := d.out.Flush(); err != nil {
		return 0, nil, err
	}
	for {
		var head [5]byte
		if _, err := io.ReadFull(d.in, head[:]); err != nil {
			return 0, nil, err
		}
		data := make([]byte, binary.BigEndian.Uint32(head[:])-1)
		if _, err := io.ReadFull(d.in, data); err != nil {
			return 0, nil, err
		}
		if head[4] != 'p' {
			return head[4], data, nil
		}
	}
}

// parcel is a message as frames, and as it came.
type parcel struct {
	fields, body [][]byte
	header       []message.Field
	text         string // the body
}

func newParcel(raw string) *parcel {
	fields, at := message.ParseHeader([]byte(raw))
	p := &parcel{header: fields, text: raw[at:]}
	for _, f := range fields {
		p.fields = append(p.fields, frame('L', f.Name()+"\x00"+strings.ReplaceAll(f.Value(), "\r\n", "\n")+"\x00"))
	}
	for body := raw[at:]; len(body) > 0; {
		n := min(bodyChunk, len(body))
		p.body = append(p.body, frame('B', body[:n]))
		body = body[n:]
	}
	return p
}

// send hands a message in and returns how many changes came back.
func (d *driver) send(p *parcel) (changes int, err error) {
	steps := []error{
		d.event(frame('M', "<"+author+">\x00"), 0, stepNRMail),
		d.event(frame('R', "<"+recipient+">\x00"), stepNoRcpt, stepNRRcpt),
	}
	if _, err = d.out.Write(frame('D', "Ti\x004F00\x00")); err != nil {
		return 0, err
	}
	steps = append(steps, d.event(frame('T', ""), stepNoData, stepNRData))
	for _, f := range p.fields {
		steps = append(steps, d.event(f, 0, stepNRHeader))
	}
	steps = append(steps, d.event(frame('N', ""), stepNoEOH, stepNREOH))
	for _, f := range p.body {
		steps = append(steps, d.event(f, 0, stepNRBody))
	}
	for _, err = range steps {
		if err != nil {
			return 0, err
		}
	}
	if _, err = d.out.Write(frame('E', "")); err != nil {
		return 0, err
	}
	for ; ; changes++ {
		cmd, data, err := d.answer()
		if err != nil {
			return 0, err
		}
		if strings.IndexByte("imhb", cmd) >= 0 {
			continue
		}
		if cmd != 'a' && cmd != 'c' {
			return 0, fmt.Errorf("end of message: %q %q", cmd, data)
		}
		_, err = d.out.Write(frame('A', ""))
		return changes, err
	}
}

// mtaUnderLoad is what the benchmarks measure with.
type mtaUnderLoad interface {
	send(p *parcel) (changes int, err error)
	close()
}

func (d *driver) close() { _ = d.conn.Close() }

// dialDriver and dialLibrary connect the one driver or the other.
func dialDriver(path string) (mtaUnderLoad, error) { return newDriver(path) }

func dialLibrary(path string) (mtaUnderLoad, error) {
	s, err := gomilter.NewClient("unix", path).Session(nil)
	if err != nil {
		return nil, err
	}
	l := libraryDriver{s}
	if _, err = s.Conn("client.example", gomilter.FamilyInet, 2525, "192.0.2.7"); err == nil {
		_, err = s.Helo("client.example")
	}
	return l, err
}

// libraryDriver is the client of the library: two writes a frame, as it comes. It is
// what the speeds asked for were measured with, and most of the work is its own.
type libraryDriver struct{ s *gomilter.ClientSession }

func (l libraryDriver) close() { _ = l.s.Close() }

func (l libraryDriver) send(p *parcel) (changes int, err error) {
	step := func(a *gomilter.Action, stepErr error) {
		if err == nil {
			err = stepErr
		}
		if err == nil && a.Type != gomilter.ActionContinue {
			err = fmt.Errorf("answer %v", a)
		}
	}
	step(l.s.Mail(author, ""))
	step(l.s.Rcpt(recipient, ""))
	step(l.s.DataStart())
	for _, f := range p.header {
		step(l.s.HeaderField(f.Name(), f.Value(), nil))
	}
	step(l.s.HeaderEnd())
	if err != nil {
		return 0, err
	}
	acts, a, err := l.s.BodyReadFrom(strings.NewReader(p.text))
	if err == nil && a.Type != gomilter.ActionAccept && a.Type != gomilter.ActionContinue {
		err = fmt.Errorf("end of message: %v", a)
	}
	if err != nil {
		return 0, err
	}
	return len(acts), l.s.Abort(nil)
}

// measurement is what one run gave.
type measurement struct {
	rate float64       // messages a second
	cpu  time.Duration // of the server, a message
	p99  time.Duration
}

// run sends p over several connections for a while, and wants some changes to come back for each
// message.
func run(tb testing.TB, dial func(path string) (mtaUnderLoad, error), path string, p *parcel, conns int, long time.Duration, changes bool) (m measurement) {
	tb.Helper()
	var sent atomic.Int64
	var wg sync.WaitGroup
	all := make([][]time.Duration, conns)
	began := time.Now()
	for i := range conns {
		wg.Go(func() {
			d, err := dial(path)
			if err != nil {
				tb.Error(err)
				return
			}
			defer d.close()
			for time.Since(began) < long {
				at := time.Now()
				n, err := d.send(p)
				if err != nil || (n > 0) != changes {
					tb.Errorf("%d changes, %v", n, err)
					return
				}
				all[i] = append(all[i], time.Since(at))
				sent.Add(1)
			}
		})
	}
	wg.Wait()
	m.rate = float64(sent.Load()) / time.Since(began).Seconds()
	if times := slices.Concat(all...); len(times) > 0 {
		slices.Sort(times)
		m.p99 = times[len(times)*99/100]
	}
	return m
}

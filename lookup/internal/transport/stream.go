package transport

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	idleTime = 10 * time.Second // for which an unused connection is kept (RFC 7766, Section 6.2.3)
	maxStray = 100              // messages without a question before the connection ends
)

var (
	errLost       = errors.New("the connection was closed") // before the reply came
	errSlowAnswer = fmt.Errorf("an answer began and did not end in time: %w", context.DeadlineExceeded)
)

// stream is one connection with many questions on their way (RFC 7766, Section 6.2.1.1). One
// goroutine (run) dials, reads and ends it; a second one writes.
type stream struct {
	pool *pool
	out  chan []byte   // messages to write
	gone chan struct{} // closed when the connection has ended; err is why
	err  error

	users int // questions that hold it, under the pool's mu

	mu        sync.Mutex
	conn      net.Conn                 // nil before it is connected
	waiting   map[uint16]chan<- []byte // by ID
	lastReply time.Time                // when the last message came
	retired   bool                     // out of the pool: it ends with its last question
	offered   bool                     // the server has said that it keeps it unused for a while
}

func newStream(p *pool) *stream {
	return &stream{pool: p, out: make(chan []byte), gone: make(chan struct{}), waiting: map[uint16]chan<- []byte{}}
}

// exchange asks one question.
func (s *stream) exchange(ctx context.Context, q question) (*dns.Msg, error) {
	a, err := q.pack()
	if err != nil {
		return nil, err
	}
	reply := make(chan []byte, 1)
	s.register(a, reply)
	defer s.unregister(a)
	sent := time.Now()
	// RFC 7766, Section 8: the length goes out together with the message.
	select {
	case s.out <- append(binary.BigEndian.AppendUint16(nil, uint16(len(a.wire))), a.wire...):
	case <-s.gone:
		return nil, s.err
	case <-ctx.Done():
		return nil, timeoutError(ctx)
	}
	select {
	case wire := <-reply:
		return s.decode(a, wire)
	case <-s.gone:
		select {
		case wire := <-reply: // the server closed the connection after it
			return s.decode(a, wire)
		default:
			return nil, s.err
		}
	case <-ctx.Done():
		s.retireIfSilent(sent)
		return nil, timeoutError(ctx)
	}
}

// decode reads a reply that came over a connection. It has the ID of its question; a truncated one
// has no larger one elsewhere. RFC 7766, Section 7: name, type and class must be those of the
// question.
func (s *stream) decode(a *packed, wire []byte) (*dns.Msg, error) {
	m, err := a.read(wire)
	if errors.Is(err, errTruncated) || errors.Is(err, errNotOurs) {
		err = ErrMalformed
	}
	if err == nil {
		s.readKeepalive(m)
	}
	return m, err
}

// readKeepalive notes whether the server offers to keep the connection idle; a timeout of 0 asks to
// close it.
// RFC 7828, Section 3.2.2.
func (s *stream) readKeepalive(m *dns.Msg) {
	opt := m.IsEdns0()
	if opt == nil {
		return
	}
	for _, o := range opt.Option {
		if k, ok := o.(*dns.EDNS0_TCP_KEEPALIVE); ok {
			s.mu.Lock()
			s.offered = k.Timeout > 0
			s.mu.Unlock()
		}
	}
}

// retireIfNotOffered ends an unused connection that the server has not offered to keep.
func (s *stream) retireIfNotOffered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offered {
		return false
	}
	s.retired = true
	s.endIfUnused()
	return true
}

// register gives the question an ID that no other one on this connection has.
// RFC 7766, Section 7: a reply is matched by its ID.
func (s *stream) register(a *packed, reply chan<- []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting[a.id] != nil {
		a.setID(dns.Id())
	}
	s.waiting[a.id] = reply
}

func (s *stream) unregister(a *packed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, a.id)
	s.endIfUnused()
}

func (s *stream) load() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// retireIfSilent removes a connection on which nothing came for the whole time of a question: a
// slow name does not stop the others, but a dead path does.
func (s *stream) retireIfSilent(since time.Time) {
	s.mu.Lock()
	silent := s.lastReply.Before(since)
	s.retired = s.retired || silent
	s.mu.Unlock()
	if silent {
		s.pool.drop(s)
	}
}

// endIfUnused ends a retired connection with its last question. The caller holds mu.
func (s *stream) endIfUnused() {
	if s.retired && len(s.waiting) == 0 && s.conn != nil {
		_ = s.conn.Close()
	}
}

// run lives as long as the connection.
func (s *stream) run() {
	client := s.pool.client
	s.err = s.serve(client.life, client.opts.Timeout)
	if client.life.Err() != nil {
		s.err = ErrClosed
	}
	s.pool.drop(s)
	close(s.gone)
}

// serve dials and reads until the connection ends.
func (s *stream) serve(life context.Context, limit time.Duration) error {
	dialing, cancel := context.WithTimeout(life, limit)
	defer cancel()
	conn, err := s.pool.dial(dialing)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(life, func() { _ = conn.Close() })()
	s.mu.Lock()
	s.conn = conn
	s.endIfUnused()
	s.mu.Unlock()
	s.pool.client.running.Go(func() { s.write(conn, limit) })
	return s.read(conn, limit)
}

// write sends the questions. It closes the connection to a server that does not read in time.
func (s *stream) write(conn net.Conn, limit time.Duration) {
	for {
		select {
		case <-s.gone:
			return
		case message := <-s.out:
			_ = conn.SetWriteDeadline(time.Now().Add(limit))
			if _, err := conn.Write(message); err != nil {
				_ = conn.Close()
				return
			}
		}
	}
}

// read hands out messages until the connection ends.
func (s *stream) read(conn net.Conn, limit time.Duration) error {
	r := bufio.NewReader(conn)
	for strays := 0; strays < maxStray; {
		message, err := readMessage(conn, r, limit)
		if errors.Is(err, errIdle) && s.load() > 0 {
			continue
		}
		if err != nil {
			return err
		}
		if !s.deliver(message) {
			strays++
		}
	}
	return errLost
}

// deliver passes a message to the question with its ID, in any order (RFC 7766, Section 7).
func (s *stream) deliver(message []byte) bool {
	if len(message) < headerSize {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastReply = time.Now()
	id := binary.BigEndian.Uint16(message)
	reply, ok := s.waiting[id]
	if !ok {
		return false
	}
	select {
	case reply <- message:
		return true
	default:
		return false
	}
}

var errIdle = errors.New("nothing came")

// readMessage reads one message after its length of two octets. The limit holds for the whole
// message, from its first octet, also for a server that sends an octet a second. RFC 1035, Section
// 4.2.2; RFC 7858, Section 3.3.
func readMessage(conn net.Conn, r *bufio.Reader, limit time.Duration) ([]byte, error) {
	_ = conn.SetReadDeadline(time.Now().Add(idleTime))
	if _, err := r.Peek(1); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errIdle
		}
		return nil, errLost
	}
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, cutOff(err)
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, cutOff(err)
	}
	return message, nil
}

func cutOff(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlowAnswer
	}
	return errLost
}

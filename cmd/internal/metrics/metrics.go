// Package metrics shows the doors of dnseal to Prometheus and to those who ask
// for their health.
package metrics

// Message is one message that went through a door.
type Message struct {
	Door    string // "relay" or "milter"
	Role    string // "submission", "inbound", "sign", "verify"
	Result  string // the handler's word
	Reply   int    // first digit of the reply: 2, 4 or 5
	Bytes   int64
	Seconds float64
}

// Metrics counts. A nil *Metrics counts nothing.
type Metrics struct{}

// Message counts one message.
func (m *Metrics) Message(Message) {}

package metrics

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Description is what a metric is registered as.
type Description struct {
	Name, Type, Help string
	Labels           []string
}

// descForm is what prometheus.Desc.String writes.
var descForm = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"), unit: "[^"]*", constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}\}$`)

// Descriptions are those of all metrics of the program, in the order of dnseal-metrics(7).
func Descriptions() []Description {
	var all []Description
	for _, c := range New(nil).collectors() {
		descs := make(chan *prometheus.Desc)
		go func() {
			defer close(descs)
			c.Describe(descs)
		}()
		for desc := range descs {
			all = append(all, describe(desc.String(), c))
		}
	}
	return all
}

func describe(text string, c prometheus.Collector) Description {
	m := descForm.FindStringSubmatch(text)
	if m == nil {
		return Description{Name: text}
	}
	d := Description{Type: "gauge"}
	d.Name, _ = strconv.Unquote(m[1])
	d.Help, _ = strconv.Unquote(m[2])
	if _, ok := c.(*prometheus.HistogramVec); ok {
		d.Type = "histogram"
	} else if strings.HasSuffix(d.Name, "_total") {
		d.Type = "counter"
	}
	for _, labels := range m[3:] {
		for label := range strings.SplitSeq(labels, ",") {
			if label, _, _ = strings.Cut(label, "="); label != "" {
				d.Labels = append(d.Labels, label)
			}
		}
	}
	return d
}

// A Renamed metric has another name since a release.
type Renamed struct{ Old, New string }

// Renames are the metrics that had another name before version 1.0.
var Renames = []Renamed{
	{"dnseal_message_seconds", "dnseal_message_duration_seconds"},
	{"dnseal_certificate_days", "dnseal_certificate_not_after_timestamp_seconds"},
	{"dnseal_certificate_days_min", "dnseal_certificates_first_not_after_timestamp_seconds"},
}

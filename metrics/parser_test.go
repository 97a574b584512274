package metrics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// python is Debian's, which has Debian's python3-prometheus-client.
const python = "/usr/bin/python3"

// parser reads texts as JSON from stdin and answers with what the parser of
// Prometheus' Python client, which refuses what the specification forbids,
// makes of each.
const parser = `
import json, struct, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
def bits(v):
    return "nan" if v != v else struct.pack(">d", v).hex()
def read(text):
    try:
        return {"Families": [[f.name, f.type, f.unit, f.documentation,
            [[s.name, sorted(map(list, s.labels.items())), bits(s.value), str(s.timestamp)] for s in f.samples]]
            for f in parse(text)]}
    except ValueError as e:
        return {"Error": str(e)}
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
`

type parsed struct {
	Families []any
	Error    string
}

func parse(t *testing.T, texts []string) (all []parsed) {
	t.Helper()
	if err := exec.Command(python, "-c", "import prometheus_client.openmetrics.parser").Run(); err != nil {
		t.Skipf("there is no parser to compare with: %v; on Debian it is in the package python3-prometheus-client", err)
	}
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "-c", parser)
	var errors bytes.Buffer
	c.Stdin, c.Stderr = bytes.NewReader(input), &errors
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errors.String())
	}
	if err := json.Unmarshal(out, &all); err != nil || len(all) != len(texts) {
		t.Fatalf("%v in %.200s", err, out)
	}
	return all
}

// What is written is what a parser reads, whatever the labels say.
func TestParsed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	documents := [][]Family{some(), nil}
	for range 300 {
		documents = append(documents, anything(random))
	}
	texts := make([]string, len(documents))
	for i, d := range documents {
		texts[i] = text(t, d)
	}
	for i, got := range parse(t, texts) {
		if got.Error != "" {
			t.Fatalf("%s in\n%s", got.Error, texts[i])
		}
		want := plain(t, expected(documents[i]))
		if len(want)+len(got.Families) > 0 && !reflect.DeepEqual(got.Families, want) {
			t.Fatalf("got\n%v\nwant\n%v\nof\n%s", got.Families, want, texts[i])
		}
	}
}

// The parser that is compared with would tell.
func TestParserIsStrict(t *testing.T) {
	texts := []string{
		strings.TrimSuffix(written, "# EOF\n"),
		strings.Replace(written, "3\n", "-3\n", 1),
		strings.Replace(written, "UNIT keepone_memory_bytes bytes", "UNIT keepone_memory_bytes seconds", 1),
		strings.Replace(written, `a\"b`, `a"b`, 1),
		strings.Replace(written, "# EOF", written, 1),
	}
	for i, got := range parse(t, texts) {
		if got.Error == "" {
			t.Errorf("%d passes:\n%s", i, texts[i])
		}
	}
}

// plain is what becomes of a value on its way through JSON.
func plain(t *testing.T, v any) (list []any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// expected is what the parser has to say, in its own form.
func expected(families []Family) []any {
	all := []any{}
	for _, f := range families {
		samples := []any{}
		add := func(s Sample, suffix string, v float64) {
			at, labels := "None", slices.Clone(s.Labels)
			if !s.At.IsZero() {
				at = fmt.Sprintf("%d.%09d", s.At.Unix(), s.At.Nanosecond())
			}
			slices.SortFunc(labels, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
			samples = append(samples, []any{f.Name + suffix, append([][2]string{}, labels...), bits(v), at})
		}
		for _, s := range f.Samples {
			switch f.Type {
			case Info:
				add(s, "_info", 1)
			case Counter:
				add(s, "_total", s.Value)
				if !s.Created.IsZero() {
					add(s, "_created", float64(s.Created.Unix())+float64(s.Created.Nanosecond())/1e9)
				}
			default:
				add(s, "", s.Value)
			}
		}
		name, kind := f.Name, f.Type
		if kind == Info {
			name, kind = name+"_info", Gauge // as the classic format has it
		}
		all = append(all, []any{name, string(kind), f.Unit, f.Help, samples})
	}
	return all
}

func bits(v float64) string {
	if math.IsNaN(v) {
		return "nan"
	}
	return fmt.Sprintf("%016x", math.Float64bits(v))
}

// anything makes families with labels and help that are hard to write.
func anything(r *rand.Rand) (all []Family) {
	pieces := []string{`\`, "\n", `"`, "n", " ", "é", "日本", "{", "}", ",", "=", "#", " # ", "\t", "x", "0", "\u00a0", `\n`, `"} 1`, "# EOF"}
	hard := func() (s string) {
		for range r.IntN(8) {
			s += pieces[r.IntN(len(pieces))]
		}
		return s
	}
	values := []float64{0, 1, 0.1, 1e300, 5e-324, 1 << 53, 12345678, math.Inf(1), math.MaxFloat64}
	for i := range r.IntN(6) {
		f := Family{Name: fmt.Sprintf("family_%d", i), Type: []Type{Gauge, Counter, Info}[r.IntN(3)], Help: hard()}
		if f.Type != Info && r.IntN(2) == 0 {
			f.Unit = "seconds"
			f.Name += "_seconds"
		}
		for k := range r.IntN(5) {
			s := Sample{Value: values[r.IntN(len(values))], Labels: [][2]string{{"n", fmt.Sprint(k)}, {"b", hard()}, {"A_1", hard()}}}
			if f.Type != Info && r.IntN(2) == 0 {
				s.At = time.Unix(r.Int64N(1<<33), r.Int64N(1e9))
			}
			switch {
			case f.Type == Counter && r.IntN(2) == 0:
				s.Created = time.Unix(r.Int64N(1<<31), 0)
			case f.Type == Gauge && r.IntN(3) == 0:
				s.Value = []float64{math.NaN(), math.Inf(-1), -0.5}[r.IntN(3)]
			}
			f.Samples = append(f.Samples, s)
		}
		all = append(all, f)
	}
	return all
}

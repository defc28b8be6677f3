package scheme

// A Fact is one thing stated about a provider. In a definition it is written
// as the value alone, or as a mapping that says where it is from:
//
//	timeout: 30s
//	timeout: {value: 30s, assumed: true}
//	timeout: {value: 30s, source: "https://docs.example.com/webhooks"}
//
// Assumed marks what no source states.
type Fact[T any] struct {
	Value   T
	Assumed bool
	Source  string
}

// Known returns the fact v.
func Known[T any](v T) Fact[T] { return Fact[T]{Value: v} }

// FactParts gives a decoder the places to fill.
func (f *Fact[T]) FactParts() (value any, assumed *bool, source *string) {
	return &f.Value, &f.Assumed, &f.Source
}

// Package judge says of a delivery which provider sent it, which event it
// carries and whether it is genuine. It is one function, used wherever
// deliveries are received or looked at.
//
// It prints nothing and answers nobody: what a verdict means to a sender or a
// person is for others to say.
package judge

module fcgispec/contract

go 1.19

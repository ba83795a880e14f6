module keyward.example/go

go 1.19

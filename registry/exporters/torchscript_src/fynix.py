class Trees(Module):
    __parameters__ = []
    __buffers__ = [
        "column",
        "threshold",
        "left",
        "weight",
        "member",
        "roots",
        "sets",
        "category",
        "base",
    ]
    column: Tensor
    threshold: Tensor
    left: Tensor
    weight: Tensor
    member: Tensor
    roots: Tensor
    sets: Tensor
    category: Tensor
    base: Tensor
    training: bool
    _is_full_backward_hook: Optional[bool]
    depth: int
    levels: int
    outputs: int
    link: str
    names: List[str]
    missing: List[str]
    codes: List[Dict[str, float]]

    def margins(self: __torch__.fynix.Trees, x: Tensor) -> Tensor:
        absent = torch.isnan(x)
        far = torch.full_like(x, 3.4028234663852886e38)
        right = torch.where(absent, far, x)
        left = torch.where(absent, torch.neg(far), x)
        level = float(self.levels)
        stay = torch.full_like(x, level)
        known = torch.logical_and(x >= 0.0, x < level)
        code = torch.where(known, x, stay)
        right = torch.where(self.category, torch.where(absent, stay + 1.0, code), right)
        left = torch.where(self.category, torch.where(absent, stay, code), left)
        doubled = torch.cat([right, left], 1)
        node = torch.add(torch.zeros([len(x), 1], dtype=3), self.roots)
        for step in range(self.depth):
            value = torch.gather(doubled, 1, torch.to(self.column[node], 4))
            member = self.member[node]
            by_set = member >= 0
            place = torch.add(
                torch.clamp(member, min=0), torch.to(torch.where(by_set, value, torch.zeros_like(value)), 3)
            )
            goes = torch.where(by_set, self.sets[place] > 0, torch.logical_not(value < self.threshold[node]))
            node = torch.add(self.left[node], torch.to(goes, 3))
        leaves = torch.reshape(self.weight[node], [len(x), -1, self.outputs])
        total = torch.add(torch.zeros([len(x), 1], dtype=6), self.base)
        for tree in range(torch.size(leaves, 1)):
            total = torch.add(total, torch.select(leaves, 1, tree))
        return total

    def forward(self: __torch__.fynix.Trees, x: Tensor) -> Tensor:
        margins = self.margins(x)
        answer = margins
        if self.link == "logistic":
            share = torch.sigmoid(margins)
            answer = torch.cat([torch.rsub(share, 1.0), share], 1)
        elif self.link == "softmax":
            answer = torch.softmax(margins, 1)
        elif self.link == "exp":
            answer = torch.exp(margins)
        return answer

    def encode(self: __torch__.fynix.Trees, rows: List[Dict[str, str]]) -> Tensor:
        x = torch.full([len(rows), len(self.names)], float("nan"))
        for i in range(len(rows)):
            row = rows[i]
            for j in range(len(self.names)):
                name = self.names[j]
                if name in row:
                    text = row[name].strip()
                    if text.lower() in self.missing:
                        pass
                    elif bool(self.category[j]):
                        if text in self.codes[j]:
                            x[i, j] = self.codes[j][text]
                    else:
                        x[i, j] = float(text)
        return x

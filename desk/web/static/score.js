// Scoring rule 1 for the preview, as streams/scoring/rules.py has it; the server's answer to each save is the truth.

/**
 * @param {{weight: number, lowest: number, highest: number, errorClass: string}[]} criteria
 * @param {(number|null|undefined)[]} values  null: not applicable; undefined: not rated yet
 * @param {Object<string, {effect: string, cap: number|null}>} rules  by error class
 * @returns {{total: number|null, rated: number, errors: string[]}}
 */
export function scoreOf(criteria, values, rules) {
  let weights = 0;
  let sum = 0;
  let rated = 0;
  const errors = new Set();
  criteria.forEach((criterion, place) => {
    const value = values[place];
    if (value === undefined) return;
    rated += 1;
    if (value === null) return;
    weights += criterion.weight;
    sum += criterion.weight * (value - criterion.lowest) / (criterion.highest - criterion.lowest) * 100;
    if (criterion.errorClass && value === criterion.lowest) errors.add(criterion.errorClass);
  });
  if (!weights) return { total: null, rated, errors: [...errors] };
  let total = sum / weights;
  for (const one of errors) {
    const rule = rules[one];
    if (rule?.effect === "cap") total = Math.min(total, rule.cap);
  }
  if ([...errors].some((one) => rules[one]?.effect === "zero")) total = 0;
  return { total, rated, errors: [...errors] };
}

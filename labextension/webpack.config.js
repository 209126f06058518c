// Ids that do not depend on the folder of the checkout: a rebuild elsewhere gives the same bytes.
module.exports = { optimization: { moduleIds: 'natural' } };
